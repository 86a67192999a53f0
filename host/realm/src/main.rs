//! The `realm` binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    realm::cli::run()
}
