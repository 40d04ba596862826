//! The command `codepiper`.

use std::process::ExitCode;

fn main() -> ExitCode {
    codepiper::process::inherited::begin();
    let mut args = std::env::args_os().skip(1).peekable();
    // The shim lives in every pane, as long as the agent: it never pays for the rest of this program.
    if args.next_if(|verb| verb == "shim").is_some() {
        return codepiper::shim::run(args);
    }
    if args.next_if(|verb| verb == "hook-forward").is_some() {
        return codepiper::hook_forward::run(args);
    }
    codepiper::cli::run()
}
