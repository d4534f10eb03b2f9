//! An agent of the devops role.

use std::process::ExitCode;

use codegod_protocol::id::Role;

fn main() -> ExitCode {
    codegod_worker::agent::main(Role::Devops)
}
