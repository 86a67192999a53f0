//! The `realm` binary: everything is in the library.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: realm::Allocator = realm::Allocator;

fn main() -> ExitCode {
    realm::cli::run()
}
