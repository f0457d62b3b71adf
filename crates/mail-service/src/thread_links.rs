//! Which message stands below which, while conversations are put together.

/// No node.
pub(crate) const NONE: u32 = u32::MAX;

/// Parents, and which nodes hang together. Every tree has one node without parent, so a node
/// without parent may be linked to all but its own tree, and no circle ever comes to be.
pub(crate) struct Links {
    /// Of each node the one above it.
    pub(crate) parents: Vec<u32>,
    sets: Vec<u32>,
}

impl Links {
    pub(crate) fn new(nodes: usize) -> Self {
        Self { parents: vec![NONE; nodes], sets: (0..nodes as u32).collect() }
    }

    /// Adds a node.
    pub(crate) fn add(&mut self) -> u32 {
        let node = self.parents.len() as u32;
        self.parents.push(NONE);
        self.sets.push(node);
        node
    }

    /// Puts a child without parent below another node, unless that is below the child.
    pub(crate) fn link(&mut self, parent: u32, child: u32) {
        if self.parents[child as usize] != NONE {
            return;
        }
        let (above, below) = (self.set(parent), self.set(child));
        if above != below {
            self.parents[child as usize] = parent;
            self.sets[below as usize] = above;
        }
    }

    /// The set of a node, halving the way to it.
    fn set(&mut self, mut node: u32) -> u32 {
        while self.sets[node as usize] != node {
            let next = self.sets[self.sets[node as usize] as usize];
            self.sets[node as usize] = next;
            node = next;
        }
        node
    }
}
