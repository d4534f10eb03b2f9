//! An agent of the testing role.

use std::process::ExitCode;

use codegod_protocol::id::Role;

fn main() -> ExitCode {
    codegod_worker::agent::main(Role::Testing)
}
