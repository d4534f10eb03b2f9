//! What is typed, and what lies over the views: opened, closed, refused where the console only looks. Also
//! what becomes of goals that were handed over from here.

use codegod_protocol::id::GoalId;

use super::{Access, App};
use crate::console::effect::Effect;
use crate::console::overlay::Overlay;
use crate::console::typed::{self, Effects, Order, Palette, Pane, Prompt};
use crate::output::Meaning;

impl App {
    /// Without what this console may not do.
    pub(super) fn allowed(&mut self, mut effects: Vec<Effect>) -> Vec<Effect> {
        if self.access == Access::ReadOnly {
            let before = effects.len();
            effects.retain(|effect| match effect {
                Effect::Run(line) => typed::effects(line) == Effects::Looks,
                _ => true,
            });
            if effects.len() < before {
                self.say(Meaning::Attention, "this console only looks (--readonly)");
            }
        }
        effects
    }

    /// The goals handed over from here that ended now: their results are taken.
    pub(super) fn ended(&mut self) -> Vec<Effect> {
        let goals = &self.store.goals.rows;
        let has_ended = |id: &GoalId| goals.iter().any(|goal| goal.id == *id && goal.state.is_final());
        self.started.extract_if(.., |id| has_ended(id)).map(Effect::Collect).collect()
    }

    /// Takes away what lies over the view; what waits comes next.
    pub(super) fn close(&mut self) {
        self.overlay = None;
        if let Some(next) = self.waiting.pop_front() {
            self.lay(next);
        }
    }

    /// Lays something over the view.
    pub(super) fn lay(&mut self, mut overlay: Overlay) {
        overlay.fit(self.screen());
        self.overlay = Some(overlay);
    }

    /// Does what was typed.
    pub(super) fn ordered(&mut self, order: Order) -> Vec<Effect> {
        match order {
            Order::Go(target) => self.go(target),
            Order::Look(theme) => self.look.theme = theme,
            Order::Ask => self.new_goal(),
            Order::Help => self.help(),
            Order::Usage(text) => self.lay(Overlay::Pane(Pane::usage(&text))),
            Order::Quit => return vec![Effect::Quit(0)],
            Order::Run(line) => return vec![Effect::Run(line)],
        }
        Vec::new()
    }

    pub(super) fn new_goal(&mut self) {
        match self.access {
            Access::Full => self.lay(Overlay::Prompt(Box::new(Prompt::new(&self.desk.draft)))),
            Access::ReadOnly => self.say(Meaning::Attention, "this console only looks (--readonly)"),
        }
    }

    pub(super) fn help(&mut self) {
        let help = typed::help(&self.contexts());
        self.lay(Overlay::Pane(help));
    }

    pub(super) fn palette(&mut self, text: &str) {
        let palette = Palette::new(text, &self.store);
        self.lay(Overlay::Palette(Box::new(palette)));
    }
}
