//! From a playbook and a context to texts: MiniJinja, where an undefined name is an error, the final
//! newline is kept and nothing is escaped unless a template asks for it.

use std::collections::BTreeMap;

use codegod_protocol::action::Action;
use codegod_protocol::environment::{Recipe, SetupStep};
use codegod_protocol::task::Step;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use serde::de::DeserializeOwned;

use super::filters;
use super::library::Playbook;
use super::schema::{EnvironmentEntry, EnvironmentStep, FileEntry, TaskEntry};

/// The end of the names of files that are templates; any other file is copied as it is.
pub(super) const TEMPLATE_SUFFIX: &str = ".j2";

/// Why a playbook's text could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A template or expression failed.
    #[error("render {what} of playbook {playbook}: {message}")]
    Template {
        /// The playbook's name.
        playbook: String,
        /// Which text, with its line where known.
        what: String,
        /// What went wrong.
        message: String,
    },
    /// The rendered value has not the shape of what it stands for.
    #[error("read {what} of playbook {playbook}: {message}")]
    Shape {
        /// The playbook's name.
        playbook: String,
        /// Which part.
        what: String,
        /// What is wrong with it.
        message: String,
    },
    /// A file names a template that the playbook does not have.
    #[error("render playbook {playbook}: it has no file {file}")]
    NoFile {
        /// The playbook's name.
        playbook: String,
        /// The file.
        file: String,
    },
    /// `for_each` names something that can't be gone through.
    #[error("render playbook {playbook}: for_each = {name:?} is not a list (use \"resources\")")]
    NoList {
        /// The playbook's name.
        playbook: String,
        /// What it names.
        name: String,
    },
}

/// One task of a playbook, rendered for one goal.
#[derive(Debug, Clone)]
pub struct RenderedTask {
    /// The task, every text of it rendered.
    pub entry: TaskEntry,
    /// The files it writes, as steps.
    pub files: Vec<Step>,
}

/// Renders one playbook.
pub struct Renderer<'p> {
    playbook: &'p Playbook,
    environment: Environment<'p>,
}

/// A MiniJinja environment with codegod's settings and filters, without templates.
pub(super) fn bare_environment<'a>() -> Environment<'a> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().keep_trailing_newline(true).build().unwrap_or_default());
    // File names decide nothing: `package.json.j2` must not quote every name it prints.
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_recursion_limit(100);
    filters::add_to(&mut environment);
    environment
}

/// MiniJinja's message with the place that it names, on one line.
pub(super) fn message(error: &minijinja::Error) -> String {
    let mut text =
        error.detail().map_or_else(|| error.kind().to_string(), |d| format!("{}: {d}", error.kind()));
    if let (Some(name), Some(line)) = (error.name().filter(|name| !name.starts_with('<')), error.line()) {
        text = format!("{text} ({name}, line {line})");
    }
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<minijinja::Error>());
    match cause {
        Some(cause) => format!("{text}: {}", message(cause)),
        None => text,
    }
}

impl<'p> Renderer<'p> {
    /// A renderer for `playbook`.
    ///
    /// # Errors
    /// One of its templates does not parse; loading has checked that already.
    pub fn new(playbook: &'p Playbook) -> Result<Self, RenderError> {
        let mut environment = bare_environment();
        for (name, text) in playbook.files() {
            let added = if name.ends_with(TEMPLATE_SUFFIX) {
                environment.add_template(name, text)
            } else {
                // A template may include it, but nothing in it is a template.
                environment.add_template_owned(name.as_str(), format!("{{% raw %}}{text}{{% endraw %}}"))
            };
            added.map_err(|error| template_error(playbook, name, &error))?;
        }
        Ok(Self { playbook, environment })
    }

    /// Whether an expression holds; absent holds.
    ///
    /// # Errors
    /// The expression is broken, or uses a name that is not there.
    pub fn holds(&self, expression: Option<&str>, context: &Value) -> Result<bool, RenderError> {
        let Some(expression) = expression else { return Ok(true) };
        self.environment
            .compile_expression(expression)
            .and_then(|compiled| compiled.eval(context.clone()))
            .map(|value| value.is_true())
            .map_err(|error| template_error(self.playbook, &format!("when = {expression:?}"), &error))
    }

    /// The playbook's environments.
    ///
    /// # Errors
    /// A text can't be rendered.
    pub fn environments(&self, context: &Value) -> Result<BTreeMap<String, Recipe>, RenderError> {
        let mut environments = BTreeMap::new();
        for value in &self.playbook.manifest.environments {
            let mut value = value.clone();
            let steps = take_array(&mut value, "steps");
            let entry: EnvironmentEntry = self.read(&value, context, "[[environments]]")?;
            let mut recipe = Recipe::from_base(entry.base);
            for step in steps {
                if self.holds(when(&step), context)? {
                    let step: EnvironmentStep = self.read(&step, context, "[[environments.steps]]")?;
                    recipe.add(SetupStep {
                        run: step.run,
                        workdir: step.workdir,
                        reads: step.reads,
                        root: step.root,
                    });
                }
            }
            environments.insert(entry.name, recipe);
        }
        Ok(environments)
    }

    /// The playbook's tasks whose `when` holds, in the order in which it lists them.
    ///
    /// # Errors
    /// A text can't be rendered, or is not what its place wants.
    pub fn tasks(&self, context: &Value) -> Result<Vec<RenderedTask>, RenderError> {
        let mut tasks = Vec::new();
        for value in &self.playbook.manifest.tasks {
            if self.holds(when(value), context)? {
                tasks.push(self.task(value.clone(), context)?);
            }
        }
        Ok(tasks)
    }

    fn task(&self, mut value: toml::Value, context: &Value) -> Result<RenderedTask, RenderError> {
        let key = value.get("key").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        let files = take_array(&mut value, "files");
        let entry: TaskEntry = self.read(&value, context, &format!("task {key:?}"))?;
        let mut steps = Vec::new();
        for file in files {
            self.file_steps(&file, context, &mut steps)?;
        }
        Ok(RenderedTask { entry, files: steps })
    }

    fn file_steps(
        &self,
        file: &toml::Value,
        context: &Value,
        steps: &mut Vec<Step>,
    ) -> Result<(), RenderError> {
        let Some(list) = file.get("for_each").and_then(toml::Value::as_str) else {
            return self.file_step(file, context, steps);
        };
        let items = context.get_attr(list).ok().and_then(|value| value.try_iter().ok());
        let items = items.ok_or_else(|| RenderError::NoList {
            playbook: self.playbook.manifest.name.clone(),
            name: list.to_owned(),
        })?;
        for resource in items {
            let context = context! { resource, ..context.clone() };
            self.file_step(file, &context, steps)?;
        }
        Ok(())
    }

    fn file_step(
        &self,
        file: &toml::Value,
        context: &Value,
        steps: &mut Vec<Step>,
    ) -> Result<(), RenderError> {
        if !self.holds(when(file), context)? {
            return Ok(());
        }
        let entry: FileEntry = self.read(file, context, "[[tasks.files]]")?;
        let content = self.file(&entry.from, context)?;
        steps.push(Step {
            expect: format!("{} is written.", entry.to),
            confidence: 1.0,
            action: Action::WriteFile { path: entry.to, content, executable: entry.executable },
        });
        Ok(())
    }

    /// The text of one of the playbook's files: rendered when its name ends in `.j2`, else as it is.
    fn file(&self, name: &str, context: &Value) -> Result<String, RenderError> {
        let text = self.playbook.files().get(name).ok_or_else(|| RenderError::NoFile {
            playbook: self.playbook.manifest.name.clone(),
            file: name.to_owned(),
        })?;
        if !name.ends_with(TEMPLATE_SUFFIX) {
            return Ok(text.clone());
        }
        self.environment
            .get_template(name)
            .and_then(|template| template.render(context.clone()))
            .map_err(|error| template_error(self.playbook, name, &error))
    }

    /// Renders every text of `value` and reads the result as a `T`.
    fn read<T: DeserializeOwned>(
        &self,
        value: &toml::Value,
        context: &Value,
        what: &str,
    ) -> Result<T, RenderError> {
        self.value(value, context, what)?.try_into().map_err(|error: toml::de::Error| RenderError::Shape {
            playbook: self.playbook.manifest.name.clone(),
            what: what.to_owned(),
            message: error.message().to_owned(),
        })
    }

    fn value(&self, value: &toml::Value, context: &Value, what: &str) -> Result<toml::Value, RenderError> {
        Ok(match value {
            toml::Value::String(text) => toml::Value::String(self.text(text, context, what)?),
            toml::Value::Array(items) => toml::Value::Array(
                items.iter().map(|item| self.value(item, context, what)).collect::<Result<_, _>>()?,
            ),
            toml::Value::Table(table) => {
                let mut rendered = toml::Table::new();
                for (key, value) in table {
                    let value = if key == "when" {
                        value.clone()
                    } else {
                        self.value(value, context, &format!("{what}, {key}"))?
                    };
                    rendered.insert(key.clone(), value);
                }
                toml::Value::Table(rendered)
            }
            toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_) => value.clone(),
        })
    }

    fn text(&self, text: &str, context: &Value, what: &str) -> Result<String, RenderError> {
        if !is_template(text) {
            return Ok(text.to_owned());
        }
        self.environment
            .render_str(text, context.clone())
            .map_err(|error| template_error(self.playbook, what, &error))
    }
}

/// Whether a text has anything to render.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

fn when(value: &toml::Value) -> Option<&str> {
    value.get("when").and_then(toml::Value::as_str)
}

fn take_array(value: &mut toml::Value, key: &str) -> Vec<toml::Value> {
    match value.as_table_mut().and_then(|table| table.remove(key)) {
        Some(toml::Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn template_error(playbook: &Playbook, what: &str, error: &minijinja::Error) -> RenderError {
    RenderError::Template {
        playbook: playbook.manifest.name.clone(),
        what: what.to_owned(),
        message: message(error),
    }
}
