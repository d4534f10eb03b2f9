//! What a goal's sentence was understood to ask for: the *intent*.

use serde::{Deserialize, Serialize};

use crate::setup::Picture;

/// A goal's sentence, understood: what to build or mend, from what, with which features.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// What kind of work it is.
    pub project: ProjectType,
    /// A short name for the app, usable as a folder and image name (`flask-react-app`).
    pub name: String,
    /// A title for people ("Recipe Keeper").
    pub title: String,
    /// The chosen technologies.
    pub stack: Stack,
    /// What the app keeps; never empty for a new app.
    #[serde(default)]
    pub resources: Vec<Resource>,
    /// Features, the most important first.
    #[serde(default)]
    pub features: Vec<Feature>,
    /// Limits the sentence sets ("without Docker").
    #[serde(default)]
    pub constraints: Vec<String>,
    /// A failure that the sentence reports (`Flask not found`), for work on an existing folder.
    #[serde(default)]
    pub symptom: Option<String>,
    /// Phrases of the sentence that were understood, each with what it was taken for.
    #[serde(default)]
    pub understood: Vec<Understood>,
    /// Content phrases that no playbook covers, as written.
    #[serde(default)]
    pub not_covered: Vec<String>,
    /// What was seen of an existing project that is to be set up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Box<Picture>>,
}

/// The kinds of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectType {
    /// A server and a browser side.
    FullStack,
    /// A server alone.
    BackendOnly,
    /// A browser side alone.
    FrontendOnly,
    /// A failure in an existing folder.
    Repair,
    /// An existing folder's project: set up, tested, and what fails told.
    Existing,
    /// Nothing that a playbook knows.
    Unknown,
}

/// The technologies of an app; names are the lower-case names of playbooks (`flask`, `react`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// The server's framework: `flask`, `fastapi` or `django`.
    pub backend: Option<String>,
    /// The browser side's framework: `react` or `vue`.
    pub frontend: Option<String>,
    /// `sqlite` or `postgresql`, when there is a backend.
    pub database: Option<String>,
}

/// One kind of thing the app keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Singular, snake case: `recipe`, `shopping_list`.
    pub name: String,
    /// Plural, snake case: `recipes`.
    pub plural: String,
    /// Singular in Pascal case: `Recipe`.
    pub class_name: String,
    /// Singular for people: `Recipe`, `Shopping list`.
    pub label: String,
    /// Plural for people.
    pub label_plural: String,
    /// Its fields in order, without `id`; at least one, the first is a required text that names it.
    pub fields: Vec<Field>,
}

/// One field of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Snake case; never `id`, never a reserved word of Python or JavaScript.
    pub name: String,
    /// For people: `Due date`.
    pub label: String,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether it must be given.
    pub required: bool,
    /// For `reference`: the resource referred to (its `name`); the field is then `<name>_id`.
    #[serde(default)]
    pub references: Option<String>,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// One line of text, at most 200 characters.
    Text,
    /// Text of any length.
    LongText,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false, false unless given.
    Boolean,
    /// A calendar date, ISO 8601 in JSON.
    Date,
    /// An e-mail address.
    Email,
    /// The id of another resource; optional, set to null when that one is deleted.
    Reference,
}

/// One feature of the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// Which one.
    pub kind: FeatureKind,
    /// 1 (nice to have) to 10 (the app is nothing without it).
    pub priority: u8,
    /// What must hold for it to be done, one sentence each.
    pub acceptance: Vec<String>,
}

/// The features that playbooks know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureKind {
    /// Keeping resources: models, CRUD routes, list and form.
    Resources,
    /// Accounts and sign-in.
    SignIn,
    /// A contact form, whose messages are kept when there is a backend.
    ContactForm,
    /// A multi-stage image and a compose file.
    Docker,
    /// A workflow that runs the tests.
    Ci,
}

/// One phrase of the sentence and what it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Understood {
    /// As written.
    pub phrase: String,
    /// For people: `backend framework: flask`.
    pub meaning: String,
}

impl Intent {
    /// Whether the app has that feature.
    #[must_use]
    pub fn has(&self, kind: FeatureKind) -> bool {
        self.features.iter().any(|feature| feature.kind == kind)
    }
}
