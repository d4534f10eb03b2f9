//! Node setups: packages are installed from the manifests, by the project's own package manager.

use codegod_protocol::environment::{Recipe, SetupStep};
use codegod_protocol::setup::{Node, NodeManager, Setup, SetupChange};

use super::Resolution;
use crate::shell::quote;

/// The version of Node that the base image has.
const AT_HAND: &str = "22";
/// Where tools are put; its `bin` is on the search path of every command.
const TOOLS: &str = "/home/agent/.local";
/// What packages would download beside what the registry has, and tests without a browser don't need.
const NO_DOWNLOADS: &str = "export CI=true HUSKY=0 PUPPETEER_SKIP_DOWNLOAD=1 PUPPETEER_SKIP_CHROMIUM_DOWNLOAD=1 CYPRESS_INSTALL_BINARY=0 \
     PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 ELECTRON_SKIP_BINARY_DOWNLOAD=1 SENTRYCLI_SKIP_DOWNLOAD=1 \
     MONGOMS_DISABLE_POSTINSTALL=1";
/// Runs a command again that hangs.
const STEADY: &str = include_str!("steady.sh");
/// The headers of Node, for native modules: nothing is downloaded for them.
const HEADERS: &str =
    "export npm_config_nodedir=\"$(node -p 'require(\"path\").resolve(process.execPath, \"../..\")')\"";
/// Where downloads are kept: shared with other installations where they share, else only while this one lasts.
const DOWNLOADS: &str = "downloads=/cache/npm; [ -w $downloads ] || downloads=/tmp/downloads";
/// Takes the scripts of the project's own manifests out that an installation would run: the sources are not
/// there yet. The manifests themselves come back with the sources.
const WITHOUT_OWN_SCRIPTS: &str = "const fs=require('fs');for(const f of process.argv.slice(1)){try{\
     const t=fs.readFileSync(f,'utf8'),m=JSON.parse(t);if(!m.scripts)continue;\
     for(const s of ['preinstall','install','postinstall','preprepare','prepare','postprepare','prepublish',\
     'dependencies','pnpm:devPreinstall'])delete m.scripts[s];fs.writeFileSync(f,JSON.stringify(m,null,2))}catch(e){}}";

/// Takes packages out of the project's own manifests while it is installed.
const WITHOUT_PACKAGES: &str = "const fs=require('fs'),[names,...files]=process.argv.slice(1);for(const f of files){\
     const m=JSON.parse(fs.readFileSync(f,'utf8'));for(const list of ['dependencies','devDependencies','optionalDependencies',\
     'peerDependencies'])for(const name of names.split(' '))if(m[list])delete m[list][name];fs.writeFileSync(f,JSON.stringify(m,null,2))}";

/// Leaves the scripts of packages out of an installation.
const IGNORE_SCRIPTS: &str = "--ignore-scripts";
/// Runs the scripts of packages one by one; one that fails keeps nobody else from being installed.
const EACH_SCRIPT: &str = include_str!("scripts.js");

pub(super) fn resolution(_setup: &Setup, _node: &Node) -> Option<Resolution> {
    None
}

pub(super) fn recipe(setup: &Setup, node: &Node) -> Recipe {
    let mut recipe = Recipe::from_base("codegod/workbench");
    if !setup.system_packages.is_empty() {
        let names: Vec<&str> = setup.system_packages.iter().map(String::as_str).collect();
        let run = format!("apt-get update && apt-get install -y --no-install-recommends {}", names.join(" "));
        recipe.add(step(run, Vec::new(), Root::Yes));
    }
    let tools = tools(node);
    if !tools.is_empty() {
        recipe.add(step(format!("{STEADY}\n{}", tools.join(" && ")), Vec::new(), Root::No));
    }
    let mut install = step(install(setup, node), node.manifests.clone(), Root::No);
    install.workdir.clone_from(&setup.folder);
    recipe.add(install);
    recipe
}

/// Whether a step runs as root.
enum Root {
    Yes,
    No,
}

fn step(run: String, reads: Vec<String>, root: Root) -> SetupStep {
    SetupStep { run, workdir: String::new(), reads, root: matches!(root, Root::Yes) }
}

/// The commands that put Node and the package manager in place.
fn tools(node: &Node) -> Vec<String> {
    let add = |package: &str| format!("steady npm install --global --prefix {TOOLS} {}", quote(package));
    let mut commands = Vec::new();
    let major: Option<u64> = node.version.split('.').next().and_then(|major| major.parse().ok());
    let version = node.manager_version.as_deref();
    commands.extend(match node.manager {
        NodeManager::Npm => None,
        NodeManager::YarnClassic => Some(add(&format!("yarn@{}", version.unwrap_or("1")))),
        NodeManager::YarnBerry => Some(add(&format!("@yarnpkg/cli-dist@{}", version.unwrap_or("4")))),
        NodeManager::Pnpm => Some(add(&format!("pnpm@{}", version.unwrap_or_else(|| pnpm_for(major))))),
    });
    if node.version != AT_HAND
        && let Some(major) = major
    {
        if let Some(npm) = npm_for(major) {
            commands.push(add(&format!("npm@{npm}")));
        }
        // Last: the npm that installs runs on the Node at hand.
        let platform = "\"node-linux-$(node -p process.arch)";
        commands.push(format!("steady npm install --global --prefix {TOOLS} {platform}@{}\"", node.version));
    }
    commands
}

/// The newest npm that runs on a Node; None for the one at hand.
fn npm_for(major: u64) -> Option<&'static str> {
    match major {
        0..=9 => Some("6"),
        10..=15 => Some("6"),
        16 | 17 => Some("8"),
        18 | 19 => Some("10"),
        _ => None,
    }
}

fn pnpm_for(major: Option<u64>) -> &'static str {
    match major {
        Some(..=13) => "5",
        Some(14 | 15) => "7",
        Some(16 | 17) => "8",
        _ => "10",
    }
}

fn install(setup: &Setup, node: &Node) -> String {
    let own: Vec<String> = node
        .manifests
        .iter()
        .filter(|path| path.ends_with("package.json"))
        .map(|path| quote(&format!("/workspace/{path}")))
        .collect();
    let flag = |flag: &String| match node.manager {
        NodeManager::YarnBerry if flag == IGNORE_SCRIPTS => " --mode=skip-build".to_owned(),
        _ => format!(" {}", quote(flag)),
    };
    let flags: String = node.flags.iter().map(flag).collect();
    let has_lock = node.manifests.iter().any(|path| is_lock(path, &setup.folder));
    let mut lines = vec![
        "set -e".to_owned(),
        NO_DOWNLOADS.to_owned(),
        STEADY.to_owned(),
        HEADERS.to_owned(),
        DOWNLOADS.to_owned(),
        format!("node -e {} {}", quote(WITHOUT_OWN_SCRIPTS), own.join(" ")),
    ];
    if !node.without.is_empty() {
        let names: Vec<&str> = node.without.iter().map(String::as_str).collect();
        lines.push(format!(
            "node -e {} {} {}",
            quote(WITHOUT_PACKAGES),
            quote(&names.join(" ")),
            own.join(" ")
        ));
    }
    lines.push(match node.manager {
        NodeManager::Npm => npm(node, has_lock) + &flags,
        NodeManager::YarnClassic => yarn_classic(node, has_lock) + &flags,
        NodeManager::YarnBerry => yarn_berry(node) + &flags,
        NodeManager::Pnpm => pnpm(node, has_lock) + &flags,
    });
    lines.push("rm -rf /tmp/downloads".to_owned());
    if !node.packages.is_empty() {
        let packages: Vec<String> = node.packages.iter().map(|package| quote(package)).collect();
        let packages = packages.join(" ");
        match node.manager {
            // It makes one tree of all, in which versions fit one another.
            NodeManager::Npm => {
                let lock = if has_lock { "" } else { " --no-package-lock" };
                lines.push(format!("steady npm install --no-save{lock}{flags} {packages}"));
            }
            // Beside what is there: npm does not like another's folder.
            NodeManager::YarnClassic | NodeManager::YarnBerry | NodeManager::Pnpm => {
                lines.push(format!("steady npm install --no-save --prefix /tmp/more {packages}"));
                lines.push("mkdir -p node_modules".to_owned());
                lines.push("cp -Rn /tmp/more/node_modules/. node_modules/ && rm -rf /tmp/more".to_owned());
            }
        }
    }
    if node.flags.contains(IGNORE_SCRIPTS) {
        let folders: Vec<String> = own.iter().map(|path| format!("\"$(dirname {path})\"")).collect();
        lines.push(format!("node -e {} {}", quote(EACH_SCRIPT), folders.join(" ")));
    }
    lines.join("\n")
}

fn is_lock(path: &str, folder: &str) -> bool {
    let name = if folder.is_empty() {
        Some(path)
    } else {
        path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'))
    };
    name.is_some_and(|name| {
        ["package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml"].contains(&name)
    })
}

fn npm(node: &Node, has_lock: bool) -> String {
    match (node.locked, has_lock) {
        (true, _) => "steady npm ci".to_owned(),
        (false, true) => "steady npm install".to_owned(),
        (false, false) => "steady npm install --no-package-lock".to_owned(),
    }
}

fn yarn_classic(node: &Node, has_lock: bool) -> String {
    let how = match (node.locked, has_lock) {
        (true, _) => "--frozen-lockfile",
        (false, _) => "--pure-lockfile",
    };
    // Its cache can't be shared: it holds packages unpacked, and takes a part of one for the whole.
    format!(
        "yarn install {how} --non-interactive --no-progress --ignore-engines --cache-folder /tmp/downloads"
    )
}

/// Packages lie in `node_modules` also where the project would have them in archives: every runner finds them there.
fn yarn_berry(node: &Node) -> String {
    let immutable = if node.locked { "true" } else { "false" };
    format!(
        "steady env YARN_NODE_LINKER=node-modules YARN_ENABLE_GLOBAL_CACHE=true YARN_GLOBAL_FOLDER=\"$downloads/_yarn\" YARN_ENABLE_TELEMETRY=0 \
         YARN_ENABLE_PROGRESS_BARS=false YARN_ENABLE_IMMUTABLE_INSTALLS={immutable} yarn install"
    )
}

fn pnpm(node: &Node, has_lock: bool) -> String {
    let how = match (node.locked, has_lock) {
        (true, _) => "--frozen-lockfile",
        (false, true) => "--no-frozen-lockfile",
        (false, false) => "--no-lockfile",
    };
    // A project that lists the packages whose scripts may run says it itself, and pnpm takes only one of the two.
    format!(
        "if grep -qsE 'onlyBuiltDependencies|only-built-dependencies' package.json pnpm-workspace.yaml .npmrc; \
         then builds=--config.strict-dep-builds=false; else builds=--config.dangerously-allow-all-builds=true; fi\n\
         steady env npm_config_manage_package_manager_versions=false pnpm install {how} --store-dir \"$downloads/_pnpm\" \
         --package-import-method=copy --config.strict-peer-dependencies=false --config.engine-strict=false \
         $builds --reporter=append-only"
    )
}

/// Applies a change that concerns packages or versions; one that is not for Node changes nothing.
pub(super) fn change(node: &mut Node, change: &SetupChange) {
    match change {
        SetupChange::AddNodePackage { package } => drop(node.packages.insert(package.clone())),
        SetupChange::WithoutNodePackage { package } => drop(node.without.insert(package.clone())),
        SetupChange::AddFlag { flag } => drop(node.flags.insert(flag.clone())),
        SetupChange::UseVersion { version } => node.version.clone_from(version),
        SetupChange::Unlock => node.locked = false,
        _ => {}
    }
}
