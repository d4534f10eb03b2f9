//! An agent of the frontend role.

use std::process::ExitCode;

use codegod_protocol::id::Role;

fn main() -> ExitCode {
    codegod_worker::agent::main(Role::Frontend)
}
