//! What remains: Dockerfiles and a script that rebuild the parts' environments, written and really built.

use std::collections::HashSet;

use codegod_docker::app::{self, BuildSpec};
use codegod_protocol::evidence::{Evidence, cap_output};
use codegod_reasoner::setup::package::{self, Package};

use crate::actions::Outcome;
use crate::bench::Bench;
use crate::bench::files::{Overlay, Written};
use crate::error::Error;

async fn packages(bench: &Bench<'_>) -> Result<Vec<Package>, Error> {
    let entries = bench.context.repository.list(bench.start_commit()).await?;
    let paths: HashSet<String> =
        entries.into_iter().filter_map(|entry| entry.path.into_os_string().into_string().ok()).collect();
    Ok(package::packages(bench.setups(), &|path| paths.contains(path)))
}

/// The files from which the environments are rebuilt.
fn files(bench: &Bench<'_>, packages: &[Package]) -> Overlay {
    let file = |text: &str, executable| Written { content: text.as_bytes().to_vec(), executable };
    let script = package::script(bench.setups(), packages);
    let mut files = Overlay::from([(package::SCRIPT.to_owned(), file(&script, true))]);
    for package in packages {
        let (ignored, text) = package.ignored();
        files.insert(package.dockerfile.clone(), file(&package.content, false));
        files.insert(ignored, file(text, false));
    }
    files
}

/// Writes the files.
pub(in crate::actions) async fn package_parts(bench: &mut Bench<'_>) -> Result<Outcome, Error> {
    let packages = packages(bench).await?;
    let files = files(bench, &packages);
    let names: Vec<String> = files.keys().cloned().collect();
    let written = bench.write(files).await?;
    let same = written.iter().all(|(_, same)| *same);
    Ok(Outcome::said(
        format!("write {}", names.join(", ")),
        same,
        "they rebuild the environments of all parts",
    ))
}

/// Builds an image from each Dockerfile, with the sources as they are committed.
pub(in crate::actions) async fn build_parts(bench: &mut Bench<'_>) -> Result<Outcome, Error> {
    let packages = packages(bench).await?;
    Ok(Outcome::of(build(bench, packages).await?))
}

/// Builds the images as the setups are at the start. What comes of it is only said: they may change on the way,
/// and the closing verification builds what is written down then.
pub(in crate::actions) async fn build_ahead(bench: &mut Bench<'_>) -> Result<Outcome, Error> {
    let context = bench.context;
    let mut draft = Bench::new(context, bench.start_commit(), None);
    let built = async {
        let packages = packages(&draft).await?;
        let files = files(&draft, &packages);
        draft.write(files).await?;
        build(&mut draft, packages).await
    };
    let built = built.await;
    draft.close().await;
    context.check_stop()?;
    let said = match built {
        Ok(built) if built.succeeded() => built.output,
        Ok(built) => {
            format!("{}\n[not as it is yet: exit code {}]", built.output.trim_end(), built.exit_code)
        }
        Err(error) => format!("[not yet: {error}]"),
    };
    Ok(Outcome::said("build ahead what rebuilds the environment", true, said))
}

async fn build(bench: &mut Bench<'_>, packages: Vec<Package>) -> Result<Evidence, Error> {
    let context = bench.context;
    let (mut commands, mut output) = (Vec::new(), String::new());
    let (mut exit_code, mut seconds) = (0, 0.0);
    for package in packages {
        let tag = format!("codegod-app/{}:{}", package.tag, context.source_goal());
        let what = format!("docker build -f {} -t {tag} .", package.dockerfile);
        let spec = BuildSpec {
            context: bench.build_context(&context.commit_message()).await?,
            dockerfile: package.dockerfile,
            tag,
            build_args: Default::default(),
            labels: context.labels(),
        };
        let said = |bytes: &[u8]| context.journal.output(bytes);
        let built = app::build_image(&context.engine, &spec, context.stop.token(), said).await?;
        context.check_stop()?;
        let built = built.evidence(what, None);
        output.push_str(&format!("$ {}\n{}\n", built.command, built.output.trim_end()));
        seconds += built.seconds;
        commands.push(built.command);
        exit_code = built.exit_code;
        if exit_code != 0 {
            break;
        }
    }
    Ok(Evidence {
        command: commands.join(" && "),
        exit_code,
        output: cap_output(output.as_bytes()),
        seconds,
        environment: None,
    })
}
