//! Files that a command leaves at its caller's: hand-out sheets and lists of refused lines. They
//! are made here and not by the server, so that they belong to the caller; mode 0600.

use std::collections::HashSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use webmail::{CSV_HEADER, HandOut, csv_field, html_head};

use super::Event;
use crate::cli::{AccountCommand, AdminCommand, UnitCommand};
use crate::config::Config;

/// Names that a default directory is looked for under.
const DIRECTORIES_TRIED_MAX: u32 = 1000;

/// What a command writes.
pub(super) struct Outputs {
    sheets: Option<Sheets>,
    refused: Option<Refused>,
    config: Config,
    failed: Option<String>,
}

impl Outputs {
    /// Makes what the command will write to, before anything is changed.
    pub(super) fn for_command(config: &Config, command: &AdminCommand) -> Result<Self, String> {
        let (sheets, refused) = match command {
            AdminCommand::Account(AccountCommand::Import(import)) => {
                let sheets = match (&import.sheets, import.dry_run) {
                    (_, true) => None,
                    (Some(dir), _) => Some(Sheets::create(dir.clone())?),
                    (None, _) => Some(Sheets::beside(&import.file)?),
                };
                (sheets, Some(Refused::of(&import.file, import.refused.as_ref())))
            }
            AdminCommand::Account(AccountCommand::Add(add)) => (create(add.sheets.as_ref())?, None),
            AdminCommand::Account(AccountCommand::Secret(issue)) => {
                (create(issue.sheets.as_ref())?, None)
            }
            AdminCommand::Unit(UnitCommand::Import(import)) => {
                (None, Some(Refused::of(&import.file, import.refused.as_ref())))
            }
            _ => (None, None),
        };
        Ok(Self { sheets, refused, config: config.clone(), failed: None })
    }

    /// Takes what belongs into a file; what is for the screen comes back.
    pub(super) fn take(&mut self, event: Event) -> Option<Event> {
        match (event, &mut self.sheets) {
            (Event::Sheet(sheet), Some(sheets)) => match sheets.add(&sheet, &self.config) {
                Ok(()) => None,
                // A secret that is in no file is shown: it cannot be asked for again.
                Err(error) => {
                    self.failed.get_or_insert(format!("{}: {error}", sheets.dir.display()));
                    Some(Event::Sheet(sheet))
                }
            },
            (Event::Refused { line, reason }, _) => {
                if let Some(refused) = &mut self.refused
                    && let Err(error) = refused.add(line, &reason)
                {
                    let path = refused.path.display();
                    self.failed.get_or_insert(format!("{path}: {error}"));
                }
                Some(Event::Refused { line, reason })
            }
            (event, _) => Some(event),
        }
    }

    /// Writes what is left, and says where everything is.
    pub(super) fn finish(self, say: impl Fn(&str)) -> Result<(), String> {
        let mut failed = self.failed;
        if let Some(sheets) = self.sheets {
            let dir = sheets.dir.clone();
            match sheets.finish() {
                Ok(0) => {}
                Ok(count) => say(&format!("{count} hand-out sheets in {}", dir.display())),
                Err(error) => failed = failed.or(Some(format!("{}: {error}", dir.display()))),
            }
        }
        if let Some(path) = self.refused.and_then(Refused::finish) {
            say(&format!("refused lines are listed in {}", path.display()));
        }
        failed.map_or(Ok(()), Err)
    }
}

fn create(dir: Option<&PathBuf>) -> Result<Option<Sheets>, String> {
    dir.cloned().map(Sheets::create).transpose()
}

/// A directory of hand-out sheets: `sheets.csv`, and a file of printable pages for each unit.
struct Sheets {
    dir: PathBuf,
    csv: BufWriter<File>,
    /// Files of pages that were begun.
    begun: HashSet<String>,
    /// The file that is being added to: people of one school often follow each other.
    open: Option<(String, BufWriter<File>)>,
    count: u64,
}

impl Sheets {
    fn create(dir: PathBuf) -> Result<Self, String> {
        let named = |error: io::Error| format!("{}: {error}", dir.display());
        DirBuilder::new().mode(0o700).create(&dir).map_err(named)?;
        let mut csv = BufWriter::new(private(&dir.join("sheets.csv")).map_err(named)?);
        csv.write_all(CSV_HEADER.as_bytes()).map_err(named)?;
        Ok(Self { dir, csv, begun: HashSet::new(), open: None, count: 0 })
    }

    /// A directory beside the file, with a number when there is one already.
    fn beside(file: &Path) -> Result<Self, String> {
        let mut candidates = (1..=DIRECTORIES_TRIED_MAX).map(|number| match number {
            1 => file.with_extension("sheets"),
            number => file.with_extension(format!("sheets-{number}")),
        });
        let free = candidates.find(|dir| !dir.exists());
        Self::create(free.ok_or("name a directory with --sheets")?)
    }

    fn add(&mut self, sheet: &HandOut, config: &Config) -> io::Result<()> {
        self.csv.write_all(sheet.csv().as_bytes())?;
        // A code has no characters that mean something in a path.
        let name = if sheet.unit.is_empty() { "no-unit" } else { &sheet.unit };
        if self.open.as_ref().is_none_or(|(open, _)| open != name) {
            self.close()?;
            let path = self.dir.join(format!("{name}.html"));
            let file = if self.begun.insert(name.to_owned()) {
                let mut file = BufWriter::new(private(&path)?);
                let title = format!("{} – {name}", config.webmail.theme.name);
                file.write_all(html_head(&title).as_bytes())?;
                file
            } else {
                BufWriter::new(OpenOptions::new().append(true).open(&path)?)
            };
            self.open = Some((name.to_owned(), file));
        }
        if let Some((_, file)) = &mut self.open {
            file.write_all(sheet.section(&config.webmail.public_url).as_bytes())?;
        }
        self.count += 1;
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        match self.open.take() {
            Some((_, mut file)) => file.flush(),
            None => Ok(()),
        }
    }

    /// How many sheets there are now; a directory without any is taken away again.
    fn finish(mut self) -> io::Result<u64> {
        self.close()?;
        self.csv.flush()?;
        if self.count == 0 {
            std::fs::remove_file(self.dir.join("sheets.csv"))?;
            std::fs::remove_dir(&self.dir)?;
            return Ok(0);
        }
        // The accounts are durable; so are their secrets, from here on.
        self.csv.get_ref().sync_all()?;
        File::open(&self.dir)?.sync_all()?;
        Ok(self.count)
    }
}

/// The list of refused lines; no file while there are none.
struct Refused {
    path: PathBuf,
    file: Option<File>,
}

impl Refused {
    fn of(imported: &Path, asked: Option<&PathBuf>) -> Self {
        let path = asked.cloned().unwrap_or_else(|| imported.with_extension("refused.csv"));
        Self { path, file: None }
    }

    fn add(&mut self, line: u64, reason: &str) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                // An earlier list of the same file is out of date.
                let _ = std::fs::remove_file(&self.path);
                let mut file = private(&self.path)?;
                file.write_all("\u{feff}line;reason\r\n".as_bytes())?;
                none.insert(file)
            }
        };
        file.write_all(format!("{line};{}\r\n", csv_field(reason)).as_bytes())
    }

    fn finish(self) -> Option<PathBuf> {
        self.file.map(|_| self.path)
    }
}

/// A new file that only its owner reads.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}
