//! All state of the console, owned by one task: messages go in, effects come out, and what is on the
//! screen follows from the state alone.

mod input;
mod orders;

use std::collections::VecDeque;

use codegod_protocol::id::GoalId;
use ratatui::layout::{Position, Rect};

use super::effect::{Effect, Outside, Request};
use super::feed::Scope;
use super::feed::scope::Picture;
use super::keys::{Action, Context};
use super::message::Message;
use super::overlay::Overlay;
use super::said::Said;
use super::store::{Changed, Connection, GoalRow, News, Store};
use super::target::{Target, ViewName};
use super::term::{Copied, Mouse};
use super::theme::Look;
use super::typed::{Desk, Draft};
use super::views::Views;
use super::widgets::SMALLEST;
use crate::output::Meaning;

/// The console.
pub(crate) struct App {
    /// What is known.
    pub(crate) store: Store,
    /// How things look.
    pub(crate) look: Look,
    /// The views.
    pub(crate) views: Views,
    /// The one that is shown.
    pub(crate) current: ViewName,
    /// What lies over it.
    pub(crate) overlay: Option<Overlay>,
    /// What was said last.
    pub(crate) said: Said,
    /// Whether the picture stands still.
    pub(crate) frozen: bool,
    /// Whether commands that change something are refused.
    pub(crate) access: Access,
    /// Who has the mouse.
    pub(crate) mouse: Mouse,
    /// What stays between two typings.
    pub(crate) desk: Desk,
    /// What is to lie over the view after what does so now.
    waiting: VecDeque<Overlay>,
    /// The goals that were handed over from here and have not ended.
    started: Vec<GoalId>,
    /// What time it is, whether or not the picture stands.
    now_ms: u64,
    dirty: bool,
    size: (u16, u16),
    before: Vec<ViewName>,
    clicked: Option<(Position, u64)>,
}

/// What the person at this console may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Look and act.
    Full,
    /// Only look.
    ReadOnly,
}

impl App {
    /// A console that knows nothing yet.
    pub(crate) fn new(store: Store, look: Look, access: Access, mouse: Mouse, size: (u16, u16)) -> Self {
        let now_ms = look.now_ms;
        Self {
            store,
            look,
            views: Views::default(),
            current: ViewName::Overview,
            overlay: None,
            said: Said::default(),
            frozen: false,
            access,
            mouse,
            desk: Desk::default(),
            waiting: VecDeque::new(),
            started: Vec::new(),
            now_ms,
            dirty: true,
            size,
            before: Vec::new(),
            clicked: None,
        }
    }

    /// It is so late now. Where the picture stands, its clocks do.
    pub(crate) fn at(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        if !self.frozen {
            self.look.now_ms = now_ms;
        }
    }

    /// Whether anything on the screen counts seconds.
    pub(crate) fn counts_seconds(&self) -> bool {
        let works = |row: &GoalRow| !row.state.is_final();
        let counts = !self.store.fleet.agents.is_empty() || self.store.goals.rows.iter().any(works);
        (counts && !self.frozen)
            || self.said.line().is_some()
            || matches!(self.store.connection, Connection::Lost { .. })
    }

    /// Whether something changed since that was asked last.
    pub(crate) fn take_dirty(&mut self) -> bool {
        std::mem::replace(&mut self.dirty, false)
    }

    /// What must be read for what is on the screen.
    pub(crate) fn scope(&self) -> Scope {
        let picture = if self.frozen { Picture::Stands } else { Picture::Moves };
        let mut scope = Scope { picture, ..Scope::default() };
        self.views.get(self.current).scope(&mut scope);
        scope
    }

    /// Takes a message in. Returns what is to be done outside.
    pub(crate) fn update(&mut self, message: Message) -> Vec<Effect> {
        self.dirty |= !matches!(message, Message::News(_));
        let mut effects = self.taken(message);
        // What is open no longer would only grow old.
        self.store.close(&self.scope());
        let asks = self.views.get_mut(self.current).asks();
        effects.extend(self.asked(asks));
        self.allowed(effects)
    }

    fn taken(&mut self, message: Message) -> Vec<Effect> {
        match message {
            Message::Input(event) => self.input(event),
            Message::Second(now_ms) => {
                self.at(now_ms);
                self.said.expire(now_ms);
                self.store.tick(self.look.now_ms);
                Vec::new()
            }
            Message::News(news) => {
                let requests = self.heard(*news);
                let mut effects = self.asked(requests);
                effects.extend(self.ended());
                effects
            }
            Message::Said(line) => {
                self.said.say(line.meaning, line.text, self.now_ms);
                Vec::new()
            }
            Message::Overlay(overlay) => {
                self.waiting.push_back(*overlay);
                if self.overlay.is_none() {
                    self.close();
                }
                Vec::new()
            }
            Message::Started(goal) => {
                self.desk.draft = Draft::default();
                self.started.push(goal.clone());
                self.go(Target::Goal(goal));
                Vec::new()
            }
            Message::StreamEnded => {
                self.views.end_stream();
                Vec::new()
            }
            Message::Changes(commit, read) => {
                self.views.changes(&commit, read);
                Vec::new()
            }
            Message::GoOn => {
                self.views.go_on();
                Vec::new()
            }
        }
    }

    /// Whether something takes longer than keys should wait: [`Message::GoOn`] is wanted when there are none.
    pub(crate) fn is_busy(&self) -> bool {
        self.views.is_busy()
    }

    fn heard(&mut self, news: News) -> Vec<Request> {
        let (changed, requests) = match news {
            // The ring of lines is the log view's.
            News::Logs(batch) => self.views.logs(batch),
            news => (self.store.apply(news, self.look.now_ms), Vec::new()),
        };
        if changed == Changed::Something {
            self.dirty = true;
            self.views.get_mut(self.current).settle(&self.store);
        }
        requests
    }

    fn screen(&self) -> Rect {
        Rect::new(0, 0, self.size.0, self.size.1)
    }

    /// Whether the terminal is too small for anything but a sentence.
    pub(crate) fn is_small(&self) -> bool {
        self.size.0 < SMALLEST.0 || self.size.1 < SMALLEST.1
    }

    /// Where keys mean something now.
    pub(crate) fn contexts(&self) -> Vec<Context> {
        let mut contexts = self.views.get(self.current).contexts(&self.store);
        contexts.push(Context::Everywhere);
        contexts
    }

    /// Does what a key stands for.
    pub(crate) fn act(&mut self, action: Action) -> Vec<Effect> {
        if let Some(requests) = self.views.get_mut(self.current).act(action, &self.store) {
            return self.asked(requests);
        }
        match action {
            Action::Quit => return vec![Effect::Quit(0)],
            Action::Show(view) => self.show(view),
            Action::Back => self.back(),
            Action::Redraw => return vec![Effect::Redraw],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Freeze => self.freeze(),
            Action::ToggleMouse => return vec![self.toggle_mouse()],
            Action::Help => self.help(),
            Action::Palette => self.palette(""),
            Action::NewGoal => self.new_goal(),
            Action::Search => self.lay(Overlay::search("/", String::new())),
            Action::Copy => return self.copy(),
            Action::Pager => return self.outside(|name, text| Outside::Pager { name, text }),
            Action::Editor => return self.outside(|name, text| Outside::Editor { name, text }),
            Action::Save => {
                let text = self.views.get(self.current).text(&self.store);
                return text.map(|(name, text)| Effect::Save { name, text }).into_iter().collect();
            }
            // Means nothing in this view.
            _ => {}
        }
        Vec::new()
    }

    /// What a view asked for.
    fn asked(&mut self, requests: Vec<Request>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for request in requests {
            match request {
                Request::Go(target) => self.go(target),
                Request::Say(text) => self.say(Meaning::Plain, &text),
                Request::LookFor { prompt, text } => self.lay(Overlay::search(prompt, text)),
                Request::Type(text) => self.palette(&text),
                Request::Do(effect) => effects.push(effect),
            }
        }
        effects
    }

    /// Shows something.
    pub(crate) fn go(&mut self, target: Target) {
        let view = self.views.open(target, &self.store);
        self.show(view);
    }

    fn show(&mut self, view: ViewName) {
        // What is opened is read, and what is read is shown as it is.
        self.frozen = false;
        if view != self.current {
            self.before.retain(|before| *before != view);
            self.before.push(self.current);
            self.current = view;
        }
        self.views.get_mut(view).settle(&self.store);
    }

    fn back(&mut self) {
        if self.current != ViewName::Overview {
            self.current = self.before.pop().unwrap_or(ViewName::Overview);
        }
    }

    fn freeze(&mut self) {
        self.frozen = !self.frozen;
        let text = if self.frozen { "frozen; space lets the picture go on" } else { "the picture goes on" };
        self.say(Meaning::Plain, text);
    }

    fn toggle_mouse(&mut self) -> Effect {
        let (mouse, text) = match self.mouse {
            Mouse::Reported => {
                (Mouse::Left, "the terminal has the mouse: select text with it; M takes it back")
            }
            Mouse::Left => (Mouse::Reported, "the console has the mouse; M gives it back to the terminal"),
        };
        self.mouse = mouse;
        self.say(Meaning::Plain, text);
        Effect::Mouse(mouse)
    }

    fn copy(&mut self) -> Vec<Effect> {
        let copied = self.views.get(self.current).copied(&self.store);
        if copied.is_none() {
            self.say(Meaning::Faint, "nothing is selected");
        }
        copied.map(Effect::Copy).into_iter().collect()
    }

    fn outside(&mut self, program: impl Fn(String, String) -> Outside) -> Vec<Effect> {
        let text = self.views.get(self.current).text(&self.store);
        text.map(|(name, text)| Effect::Outside(program(name, text))).into_iter().collect()
    }

    /// What came of copying.
    pub(crate) fn copied(&mut self, copied: Copied) {
        let meaning = match copied {
            Copied::Bytes(_) => Meaning::Good,
            Copied::TooLarge(_) => Meaning::Bad,
            Copied::Nothing => Meaning::Faint,
        };
        self.say(meaning, &copied.to_string());
    }

    /// The console could not be put to sleep.
    pub(crate) fn no_shell(&mut self) {
        self.say(Meaning::Attention, "no shell would wake the console again; q leaves it");
    }

    fn say(&mut self, meaning: Meaning, text: &str) {
        self.said.say(meaning, text.to_owned(), self.now_ms);
    }
}
