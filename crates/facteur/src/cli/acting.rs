//! On whose behalf a command acts that needs a person: administrators who agree, officers who help.

use clap::Args;
use serde::{Deserialize, Serialize};

/// Who acts. The password is read from standard input.
#[derive(Args, Serialize, Deserialize)]
pub(crate) struct Acting {
    /// Who you are: your address or academic ID. Your password is asked for.
    #[arg(long = "as", value_name = "WHO")]
    pub(crate) acting_as: String,
    /// The code of your second factor, when you have one.
    #[arg(long, value_name = "DIGITS", default_value = "")]
    pub(crate) code: String,
    #[arg(skip)]
    #[serde(default)]
    pub(crate) password: String,
}

/// Never shows the password.
impl std::fmt::Debug for Acting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acting").field("acting_as", &self.acting_as).finish_non_exhaustive()
    }
}
