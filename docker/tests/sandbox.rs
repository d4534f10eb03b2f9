//! Sandboxes against the real Docker: limits hold, deadlines kill, output is held, files travel.

#[path = "support/mod.rs"]
mod support;

use std::time::Duration;

use bytes::Bytes;
use codegod_docker::{CommandOutput, CommandSpec, Engine, Error, Labels, Meter, Network, Sandbox, Settings};
use codegod_protocol::id::{AgentId, Role};
use tokio_util::sync::CancellationToken;

const SHORT: Duration = Duration::from_secs(30);

async fn start() -> Sandbox {
    let (engine, image) = support::workbench().await;
    Sandbox::start(&engine, &image, &support::labels(), Network::Bridge).await.expect("starts")
}

async fn run(sandbox: &Sandbox, command: &str) -> CommandOutput {
    run_for(sandbox, command, SHORT).await
}

async fn run_for(sandbox: &Sandbox, command: &str, deadline: Duration) -> CommandOutput {
    let spec = CommandSpec::new(command, deadline);
    sandbox.run(&spec, &CancellationToken::new(), |_| {}).await.expect("runs")
}

#[tokio::test]
async fn commands_run_as_the_agents_user_without_any_privilege() {
    let sandbox = start().await;
    let seen = run(&sandbox, "id -u; id -g; pwd; echo $HOME; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status; touch /usr/x || echo refused; test -e /var/run/docker.sock || echo no socket").await;
    assert_eq!(
        seen.text().replace('\t', " "),
        "10001\n10001\n/workspace\n/home/agent\nCapEff: 0000000000000000\nCapBnd: 0000000000000000\nNoNewPrivs: 1\n\
         touch: cannot touch '/usr/x': Permission denied\nrefused\nno socket\n"
    );
    let places = run(&sandbox, "for d in /workspace /env /home/agent /cache/pip /cache/npm; do touch $d/.probe && rm $d/.probe || echo no $d; done").await;
    assert_eq!((places.exit_code, places.text()), (0, String::new()));
    sandbox.remove().await.expect("is removed");
}

#[tokio::test]
async fn what_an_agents_containers_use_is_metered_while_they_run() {
    let (engine, image) = support::workbench().await;
    let agent = AgentId::random(Role::Testing);
    let mut meter = Meter::new(&engine, &agent);
    assert_eq!(meter.read().await.expect("is read"), None);
    let labels = Labels { agent: Some(agent), ..support::labels() };
    let sandbox = Sandbox::start(&engine, &image, &labels, Network::None).await.expect("starts");
    meter.read().await.expect("is read");
    let busy =
        "python3 -c 'import time; x = bytearray(64 << 20); t = time.time() + 4\nwhile time.time() < t: pass'";
    let (_, used) = tokio::join!(run(&sandbox, busy), async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        meter.read().await.expect("is read").expect("a container runs")
    });
    assert!(used.cpu_percent > 5.0, "{used:?}");
    assert!(used.memory_bytes > 64 << 20, "{used:?}");
    sandbox.remove().await.expect("is removed");
    assert_eq!(meter.read().await.expect("is read"), None);
}

#[tokio::test]
async fn exit_codes_are_the_commands_own() {
    let sandbox = start().await;
    assert_eq!(run(&sandbox, "exit 3").await.exit_code, 3);
    assert_eq!(run(&sandbox, "no-such-program").await.exit_code, 127);
    assert_eq!(run(&sandbox, "/etc/passwd").await.exit_code, 126);
    let background = run(&sandbox, "(sleep 300; echo late) & echo early").await;
    assert_eq!((background.exit_code, background.text().as_str()), (0, "early\n"));
    assert!(background.seconds < 5.0, "{}", background.seconds);
    sandbox.remove().await.expect("is removed");
}

#[tokio::test]
async fn a_timed_out_command_leaves_nothing_running_and_a_usable_sandbox() {
    let sandbox = start().await;
    let command =
        "echo begun; setsid sleep 611 & nohup env -i sleep 612 >/dev/null 2>&1 & (sleep 613 &) ; sleep 614";
    let output = run_for(&sandbox, command, Duration::from_secs(2)).await;
    assert!(output.timed_out && output.exit_code == 124, "{output:?}");
    assert!(output.text().starts_with("begun"), "{output:?}");
    assert!(output.seconds < 8.0, "{}", output.seconds);
    let left = run(&sandbox, "pgrep -fa 'sleep 61[1-4]' | grep -v pgrep | grep -v 'sh -c'; echo done").await;
    assert_eq!(left.text(), "done\n");
    sandbox.remove().await.expect("is removed");
}

#[tokio::test]
async fn cancelling_cuts_a_command_at_once() {
    let sandbox = start().await;
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        token.cancel();
    });
    let spec = CommandSpec::new("sleep 615", Duration::from_secs(60));
    let ended = sandbox.run(&spec, &cancel, |_| {}).await;
    assert!(matches!(ended, Err(Error::Cancelled)), "{ended:?}");
    assert_eq!(run(&sandbox, "pgrep -x sleep -u 10001; echo done").await.text(), "done\n");
    sandbox.remove().await.expect("is removed");
}

#[tokio::test]
async fn of_fifty_megabytes_both_ends_are_kept_and_all_is_streamed() {
    let sandbox = start().await;
    let mut streamed = 0;
    let spec = CommandSpec::new("echo head; head -c 50000000 /dev/zero | tr '\\0' x; echo tail", SHORT);
    let output = sandbox.run(&spec, &CancellationToken::new(), |bytes| streamed += bytes.len()).await;
    let output = output.expect("runs");
    assert_eq!((streamed, output.total_bytes), (50_000_010, 50_000_010));
    assert!(output.output.len() <= (1 << 20) + 100, "{}", output.output.len());
    assert!(output.output.starts_with(b"head\n") && output.output.ends_with(b"xtail\n"));
    sandbox.remove().await.expect("is removed");
}

#[tokio::test]
async fn limits_on_memory_and_processes_hold_and_are_told() {
    let mut settings = Settings::from_env().expect("settings");
    settings.limits.memory_bytes = 96 << 20;
    settings.limits.pids = 40;
    let (_, image) = support::workbench().await;
    let engine = Engine::connect(settings).await.expect("connects");
    let sandbox = Sandbox::start(&engine, &image, &support::labels(), Network::None).await.expect("starts");
    let hungry = run(&sandbox, "python3 -c 'x = bytearray(300 << 20)'").await;
    assert_eq!((hungry.exit_code, hungry.out_of_memory), (137, true));
    assert!(!run(&sandbox, "exit 1").await.out_of_memory);
    let forks = run(&sandbox, "for i in $(seq 60); do sleep 5 & done; echo end").await;
    assert_ne!(forks.exit_code, 0, "{forks:?}");
    let network =
        run(&sandbox, "python3 -c \"import socket; socket.create_connection(('1.1.1.1', 53), 2)\"").await;
    assert_ne!(network.exit_code, 0);
    let usage = sandbox.usage().await.expect("has statistics");
    assert!(usage.cpu_seconds > 0.0 && usage.peak_memory_bytes > 50 << 20, "{usage:?}");
    sandbox.remove().await.expect("is removed");
}

#[tokio::test]
async fn files_go_in_and_come_out_as_a_tar_with_their_owners() {
    let sandbox = start().await;
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    header.set_uid(10001);
    header.set_gid(10001);
    header.set_mode(0o640);
    builder.append_data(&mut header, "dir/file.bin", &b"\0\xff\n\r1"[..]).expect("packs");
    let tar = Bytes::from(builder.into_inner().expect("packs"));
    sandbox.upload(tar, "/workspace").await.expect("uploads");
    let spec = CommandSpec::new("stat -c '%u %g %a' dir/file.bin >&2; tar -c dir/file.bin", SHORT);
    let raw = sandbox.run_raw(&spec, &CancellationToken::new(), 1 << 20).await.expect("runs");
    assert_eq!(String::from_utf8_lossy(&raw.stderr), "10001 10001 640\n");
    let mut archive = tar::Archive::new(&raw.stdout[..]);
    let mut entry = archive.entries().expect("reads").next().expect("one entry").expect("reads");
    let mut content = Vec::new();
    std::io::Read::read_to_end(&mut entry, &mut content).expect("reads");
    assert_eq!(content, b"\0\xff\n\r1");
    let endless = CommandSpec::new("cat /dev/zero", SHORT);
    let refused = sandbox.run_raw(&endless, &CancellationToken::new(), 1 << 20).await;
    assert!(matches!(refused, Err(Error::TooLarge { limit: 1_048_576, .. })), "{refused:?}");
    sandbox.remove().await.expect("is removed");
}

#[tokio::test]
async fn package_indexes_are_reached_from_inside() {
    let sandbox = start().await;
    let output = run_for(
        &sandbox,
        "python3 -m venv /env/venv && pip install -q flask && python -c 'import flask' && cd /tmp && npm install --silent is-odd && node --version",
        Duration::from_secs(180),
    )
    .await;
    assert_eq!(output.exit_code, 0, "{}", output.text());
    assert!(output.text().contains("v22."), "{}", output.text());
    sandbox.remove().await.expect("is removed");
}

#[tokio::test]
async fn an_unreachable_daemon_is_named() {
    let settings = Settings { host: Some("unix:///nonexistent/docker.sock".into()), ..Settings::default() };
    let error = Engine::connect(settings).await.err().expect("fails").to_string();
    assert!(
        error.starts_with("Docker is not reachable at unix:///nonexistent/docker.sock: start it"),
        "{error}"
    );
}

#[tokio::test]
async fn links_that_lead_anywhere_are_taken_as_they_are() {
    let sandbox = start().await;
    let mut tar = tar::Builder::new(Vec::new());
    for (name, target) in
        [("sub/out", "../../etc/passwd"), ("out", "../nowhere"), ("absolute", "/etc/passwd")]
    {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_mode(0o777);
        header.set_uid(10001);
        header.set_size(0);
        tar.append_link(&mut header, name, target).unwrap();
    }
    sandbox.upload(tar.into_inner().unwrap().into(), "/workspace").await.expect("is taken");
    let seen = run(&sandbox, "readlink out sub/out absolute; head -c 4 sub/out; stat -c %u . out").await;
    assert_eq!(seen.text(), "../nowhere\n../../etc/passwd\n/etc/passwd\nroot10001\n10001\n");
    sandbox.remove().await.expect("is removed");
}
