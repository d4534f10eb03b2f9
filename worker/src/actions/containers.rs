//! Images and running apps, through the worker's own Docker API: no container ever gets the socket.

use std::collections::BTreeMap;

use codegod_protocol::action::{Probe, Service};
use codegod_protocol::evidence::Evidence;
use codegod_protocol::goal::Deployment;

use super::{Outcome, edit};
use crate::bench::Bench;
use crate::bench::files::clean_path;
use crate::error::Error;
use codegod_docker::app::{self, BuildSpec, Lifetime, RunSpec};

/// Writes a Dockerfile and checks what can be checked without building it.
pub(super) async fn create_dockerfile(
    bench: &mut Bench<'_>,
    path: &str,
    content: &str,
) -> Result<Outcome, Error> {
    let mut outcome = edit::write_file(bench, path, content, false).await?;
    let problems = match copied_files(content) {
        Err(problem) => vec![problem],
        Ok(sources) => {
            let mut missing = Vec::new();
            for source in sources {
                if !is_there(bench, &source).await? {
                    missing.push(format!("it copies {source}, which is not there"));
                }
            }
            missing
        }
    };
    if !problems.is_empty() {
        outcome.evidence.exit_code = 1;
        outcome.evidence.output = problems.join("\n");
    }
    Ok(outcome)
}

/// Whether a path of the build context is a file or a folder with something in it.
async fn is_there(bench: &mut Bench<'_>, path: &str) -> Result<bool, Error> {
    let path = clean_path(path)?;
    if path.is_empty() || path.contains(['*', '?', '[']) {
        return Ok(true);
    }
    bench.has(&path).await
}

/// The files of the build context that a Dockerfile copies.
fn copied_files(content: &str) -> Result<Vec<String>, String> {
    let joined = content.replace("\\\r\n", " ").replace("\\\n", " ");
    let mut sources = Vec::new();
    let mut stages = 0;
    for line in joined.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let word = word.to_ascii_uppercase();
        match word.as_str() {
            "FROM" => stages += 1,
            "ARG" => {}
            _ if stages == 0 => return Err(format!("{word} stands before the first FROM")),
            "COPY" | "ADD" => sources.extend(sources_of(rest)),
            "RUN" | "CMD" | "LABEL" | "EXPOSE" | "ENV" | "ENTRYPOINT" | "VOLUME" | "USER" | "WORKDIR"
            | "ONBUILD" | "STOPSIGNAL" | "HEALTHCHECK" | "SHELL" | "MAINTAINER" => {}
            _ => return Err(format!("{word} is not an instruction of a Dockerfile")),
        }
    }
    if stages == 0 {
        return Err("there is no FROM".to_owned());
    }
    Ok(sources)
}

/// The sources of a COPY; none when it copies from another stage or another image.
fn sources_of(rest: &str) -> Vec<String> {
    let words: Vec<String> = match serde_json::from_str::<Vec<String>>(rest.trim()) {
        Ok(words) => words,
        Err(_) => rest.split_whitespace().map(str::to_owned).collect(),
    };
    if words.iter().any(|word| word.starts_with("--from=")) {
        return Vec::new();
    }
    let plain: Vec<String> =
        words.into_iter().filter(|word| !word.starts_with("--") && !word.contains("://")).collect();
    plain.split_last().map(|(_, sources)| sources.to_vec()).unwrap_or_default()
}

pub(super) async fn build_image(
    bench: &mut Bench<'_>,
    dockerfile: &str,
    tag: &str,
    build_args: &BTreeMap<String, String>,
) -> Result<Outcome, Error> {
    let what = format!("docker build -f {dockerfile} -t {tag} .");
    let dockerfile = clean_path(dockerfile)?;
    if !bench.has(&dockerfile).await? {
        return Ok(Outcome::said(what, false, format!("there is no {dockerfile}")));
    }
    let context = bench.context;
    let spec = BuildSpec {
        context: bench.build_context(&context.commit_message()).await?,
        dockerfile,
        tag: tag.to_owned(),
        build_args: build_args.clone(),
        labels: context.labels(),
    };
    let output =
        app::build_image(&context.engine, &spec, context.stop.token(), |bytes| context.journal.output(bytes))
            .await?;
    context.check_stop()?;
    Ok(Outcome::of(output.evidence(what, None)))
}

/// An app to run.
pub(super) struct App<'a> {
    pub(super) image: &'a str,
    pub(super) port: u16,
    pub(super) env: &'a BTreeMap<String, String>,
    pub(super) probes: &'a [Probe],
    pub(super) services: &'a [Service],
}

pub(super) async fn run(bench: &mut Bench<'_>, app: App<'_>, lifetime: Lifetime) -> Result<Outcome, Error> {
    let context = bench.context;
    let spec = RunSpec {
        image: app.image.to_owned(),
        port: app.port,
        env: app.env.clone(),
        probes: app.probes.to_vec(),
        services: app.services.to_vec(),
        publish: None,
        lifetime,
        labels: context.labels(),
    };
    let report = app::run_and_probe(&context.engine, &spec, context.stop.token(), |bytes: &[u8]| {
        context.journal.output(bytes)
    })
    .await?;
    context.check_stop()?;
    let mut output = String::new();
    for evidence in &report.evidence {
        output.push_str(&format!(
            "$ {} → {}\n{}\n",
            evidence.command,
            evidence.exit_code,
            evidence.output.trim_end()
        ));
    }
    if let (Lifetime::Kept, Some(address)) = (lifetime, &report.address) {
        output.push_str(&format!("it goes on running at http://{address}\n"));
    }
    Ok(Outcome::of(Evidence {
        command: format!("docker run -p 127.0.0.1::{} {}", app.port, app.image),
        exit_code: i64::from(!report.passed),
        output: codegod_protocol::evidence::cap_output(output.as_bytes()),
        seconds: report.evidence.iter().map(|evidence| evidence.seconds).sum(),
        environment: None,
    }))
}

/// Starts the app and checks that it answers; leaves it running only when the goal asked for that.
pub(super) async fn deploy(bench: &mut Bench<'_>, app: App<'_>) -> Result<Outcome, Error> {
    let lifetime = match bench.context.goal.deployment {
        Deployment::LeaveRunning => Lifetime::Kept,
        Deployment::CheckOnly => Lifetime::UntilProbed,
    };
    run(bench, app, lifetime).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dockerfiles_sources_are_those_of_its_context() {
        let text = "ARG A=b\nFROM x AS web\nCOPY --chown=1:1 a.json \\\n  b.json ./\nFROM y\nCOPY --from=web /d /d\n\
                    COPY [\"with space\", \"/to\"]\nADD https://example/x /x\nRUN true\n";
        assert_eq!(copied_files(text), Ok(vec!["a.json".into(), "b.json".into(), "with space".into()]));
    }

    #[test]
    fn what_is_no_dockerfile_is_told() {
        assert!(copied_files("RUN x\nFROM y").is_err());
        assert!(copied_files("FROM x\nFETCH y").is_err());
        assert!(copied_files("# nothing\n").is_err());
    }
}
