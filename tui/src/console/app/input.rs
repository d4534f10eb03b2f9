//! What a person does at the terminal: keys, the mouse, pastes, and a new size of the window.

use crossterm::event::{Event, KeyEvent, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::App;
use crate::console::effect::Effect;
use crate::console::keys::{self, Action};
use crate::console::overlay::Reply;
use crate::console::widgets::Chrome;
use crate::output::Meaning;

/// How far one notch of the wheel goes, in rows.
const WHEEL_ROWS: i16 = 3;
/// Two clicks on a row within so many milliseconds open it.
const DOUBLE_CLICK_MS: u64 = 400;

impl App {
    /// Takes in a key, the mouse, a paste or a new size.
    pub(super) fn input(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Event::Mouse(mouse) => self.pointer(mouse),
            Event::Paste(text) => {
                let Some(overlay) = &mut self.overlay else {
                    self.say(Meaning::Faint, "press b to say a goal, then paste it there");
                    return Vec::new();
                };
                let reply = overlay.paste(&text, &self.store);
                self.replied(reply)
            }
            Event::Resize(columns, rows) => {
                self.size = (columns, rows);
                let screen = self.screen();
                if let Some(overlay) = &mut self.overlay {
                    overlay.fit(screen);
                }
                Vec::new()
            }
            Event::Key(_) | Event::FocusGained | Event::FocusLost => Vec::new(),
        }
    }

    fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        let action = keys::action(&self.contexts(), &key);
        // On a screen that shows nothing, nothing is chosen by accident.
        if self.is_small() {
            return match action {
                Some(Action::Quit) => self.act(Action::Quit),
                _ => Vec::new(),
            };
        }
        if let Some(overlay) = &mut self.overlay {
            let reply = overlay.key(key, &self.store, &mut self.desk);
            return self.replied(reply);
        }
        self.said.read();
        match action {
            Some(action) => self.act(action),
            None => self.elsewhere(&key),
        }
    }

    /// A key that means something in another part of the view goes there.
    fn elsewhere(&mut self, key: &KeyEvent) -> Vec<Effect> {
        let view = self.views.get_mut(self.current);
        let Some(context) = keys::context_of(&view.elsewhere(&self.store), key) else { return Vec::new() };
        let requests = view.go_elsewhere(context);
        self.asked(requests)
    }

    /// What an overlay answered to a key.
    fn replied(&mut self, reply: Reply) -> Vec<Effect> {
        match reply {
            Reply::Stay => Vec::new(),
            Reply::Close => {
                self.close();
                Vec::new()
            }
            Reply::Search(text) => {
                if text.is_none() {
                    self.overlay = None;
                }
                self.views.get_mut(self.current).search(text.as_deref(), &self.store);
                Vec::new()
            }
            Reply::Do(effects) => effects,
            Reply::Order(order, mut effects) => {
                self.close();
                effects.extend(self.ordered(order));
                effects
            }
        }
    }

    fn pointer(&mut self, mouse: MouseEvent) -> Vec<Effect> {
        let at = Position::new(mouse.column, mouse.row);
        if self.is_small() {
            return Vec::new();
        }
        if let Some(overlay) = &mut self.overlay {
            let screen = Rect::new(0, 0, self.size.0, self.size.1);
            let reply = overlay.pointer(mouse, screen, &self.store);
            return self.replied(reply);
        }
        let chrome = Chrome::of(self.screen());
        let rows = match mouse.kind {
            MouseEventKind::ScrollDown => WHEEL_ROWS,
            MouseEventKind::ScrollUp => -WHEEL_ROWS,
            MouseEventKind::Down(MouseButton::Left) => return self.clicked(at, &chrome),
            _ => return Vec::new(),
        };
        self.views.get_mut(self.current).wheel(at, rows, &self.store);
        Vec::new()
    }

    fn clicked(&mut self, at: Position, chrome: &Chrome) -> Vec<Effect> {
        if at.y == chrome.tabs.y {
            if let Some(view) = chrome.tab_at(at.x) {
                self.show(view);
            }
            return Vec::new();
        }
        let now = self.look.now_ms;
        let again = self
            .clicked
            .is_some_and(|(place, ms)| place.y == at.y && now.saturating_sub(ms) <= DOUBLE_CLICK_MS);
        self.clicked = (!again).then_some((at, now));
        let requests = self.views.get_mut(self.current).click(at, &self.store);
        let mut effects = self.asked(requests);
        if again {
            effects.extend(self.act(Action::Open));
        }
        effects
    }
}
