//! An agent whose tasks do nothing or sleep: the real loop (claims, leases, fenced publishing, pulse, drain)
//! without Docker, for faults and benchmarks. Its role is `AGENT_ROLE`; everything else is set as for any
//! agent.

use std::process::ExitCode;

use codegod_protocol::id::Role;
use codegod_protocol::settings::variable;
use codegod_tests::noop::Noop;
use codegod_worker::agent;
use codegod_worker::settings::Settings;

/// The exit code for a setting that can't be used (EX_CONFIG of sysexits.h).
const MISCONFIGURED: u8 = 78;

fn main() -> ExitCode {
    match variable("AGENT_ROLE").unwrap_or_default().parse::<Role>() {
        Ok(role) => agent::main_with(Settings::from_env(role), async |workplace| Ok(Noop::new(workplace))),
        Err(error) => {
            eprintln!("AGENT_ROLE: {error}");
            ExitCode::from(MISCONFIGURED)
        }
    }
}
