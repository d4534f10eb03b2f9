//! The one table of keys. What a key does, the line of hints, the `?` screen and the manual all come
//! from here, so that none of them can say something else.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::target::ViewName;

/// What a person can ask for with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Leave the console.
    Quit,
    /// Show the keys of this view.
    Help,
    /// Type a command.
    Palette,
    /// Type a goal.
    NewGoal,
    /// Show a view.
    Show(ViewName),
    /// Show what was shown before.
    Back,
    /// Draw everything anew.
    Redraw,
    /// Put the console to sleep (ctrl-Z).
    Suspend,
    /// Look for a text.
    Search,
    /// Let the terminal select text, or the console take the mouse.
    ToggleMouse,
    /// Move to the next part of the view.
    NextPane,
    /// Move to the part before.
    PreviousPane,
    /// Give the part the whole screen, or give it back.
    Zoom,
    /// Stop the picture, or let it go on.
    Freeze,
    /// Copy what is selected.
    Copy,
    /// Open what is selected in a pager.
    Pager,
    /// Open what is selected in an editor.
    Editor,
    /// Write what is shown into a file.
    Save,
    /// Move the cursor.
    Move(Motion),
    /// Open what is selected.
    Open,
    /// Cancel the goal.
    Cancel,
    /// Pause it, or let it go on.
    Pause,
    /// Try the task again.
    Retry,
    /// Run a goal's validations again.
    Verify,
    /// Write a goal's result into its folder.
    Apply,
    /// Let the agent forget.
    Wipe,
    /// Let the agent finish and end.
    Drain,
    /// One agent more.
    ScaleUp,
    /// One agent less.
    ScaleDown,
    /// Say how many agents.
    Scale,
    /// Show the log of what is selected.
    Logs,
    /// Show what the agent knows.
    Memory,
    /// A shell in the container.
    Shell,
    /// Follow the newest line.
    Follow,
    /// Break long lines, or cut them.
    Wrap,
    /// The next match.
    NextMatch,
    /// The match before.
    PreviousMatch,
    /// Show only lines with a text.
    FilterLines,
    /// Show only lines of a level and above.
    Level,
    /// The next line that tells of an error.
    NextError,
    /// The one before.
    PreviousError,
    /// Times beside lines, or none.
    Times,
    /// Mark lines.
    Mark,
    /// Whose lines are shown.
    Scope,
    /// Leave the screen and print lines as they come.
    Stream,
    /// The next task that runs.
    NextRunning,
    /// The goal that came before.
    OlderGoal,
    /// The goal that came after.
    NewerGoal,
    /// Close all branches of the plan.
    CloseBranches,
    /// Open them.
    OpenBranches,
}

/// Where a cursor goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Motion {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// Left.
    Left,
    /// Right.
    Right,
    /// One screen up.
    PageUp,
    /// One screen down.
    PageDown,
    /// Half a screen up.
    HalfUp,
    /// Half a screen down.
    HalfDown,
    /// The first row.
    Top,
    /// The last row.
    Bottom,
}

/// Where a key means what it means. A view says which contexts hold; the most particular comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Context {
    /// In every view.
    Everywhere,
    /// Where a cursor moves over rows.
    Rows,
    /// A goal is selected or open.
    Goal,
    /// A plan is shown.
    Plan,
    /// A task is selected or open.
    Task,
    /// An agent is selected or open.
    Agent,
    /// A role is selected.
    Role,
    /// Lines of a log or a diff are shown.
    Lines,
    /// Lines of a log are shown.
    Log,
    /// The log may be another's.
    Whose,
    /// What is shown has several parts.
    Panes,
}

impl Context {
    /// The heading on the `?` screen.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Everywhere => "everywhere",
            Self::Rows => "moving",
            Self::Goal => "the goal",
            Self::Plan => "the plan",
            Self::Task => "the task",
            Self::Agent => "the agent",
            Self::Role => "the role",
            Self::Lines => "lines",
            Self::Log => "the log",
            Self::Whose => "whose log",
            Self::Panes => "parts of the view",
        }
    }
}

/// A key as it is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    code: KeyCode,
    ctrl: bool,
}

const fn key(code: KeyCode) -> Key {
    Key { code, ctrl: false }
}
const fn letter(letter: char) -> Key {
    key(KeyCode::Char(letter))
}
const fn ctrl(letter: char) -> Key {
    Key { code: KeyCode::Char(letter), ctrl: true }
}

impl Key {
    /// Whether that is the key of the event; shift is part of the character.
    fn is(self, event: &KeyEvent) -> bool {
        self.code == event.code
            && self.ctrl == event.modifiers.contains(KeyModifiers::CONTROL)
            && !event.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SUPER)
    }

    /// The key as people write it.
    pub(crate) fn name(self) -> String {
        let name = match self.code {
            KeyCode::Char(' ') => "space".to_owned(),
            KeyCode::Char(letter) => letter.to_string(),
            KeyCode::Enter => "enter".to_owned(),
            KeyCode::Esc => "esc".to_owned(),
            KeyCode::Tab => "tab".to_owned(),
            KeyCode::BackTab => "shift-tab".to_owned(),
            KeyCode::Up => "up".to_owned(),
            KeyCode::Down => "down".to_owned(),
            KeyCode::Left => "left".to_owned(),
            KeyCode::Right => "right".to_owned(),
            KeyCode::PageUp => "pgup".to_owned(),
            KeyCode::PageDown => "pgdn".to_owned(),
            KeyCode::Home => "home".to_owned(),
            KeyCode::End => "end".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        };
        if self.ctrl { format!("ctrl-{name}") } else { name }
    }
}

/// How much a hint is worth when the line is too short for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hint {
    /// Whatever else is left out.
    Always,
    /// If there is room for anything.
    First,
    /// After those.
    Second,
    /// Only on the `?` screen.
    Never,
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Binding {
    /// Where it holds.
    pub(crate) context: Context,
    /// The keys, any of which does it.
    pub(crate) keys: &'static [Key],
    /// What is done.
    pub(crate) action: Action,
    /// One or two words for the line of hints.
    pub(crate) label: &'static str,
    /// A sentence for the `?` screen.
    pub(crate) help: &'static str,
    /// Whether the line of hints shows it.
    pub(crate) hint: Hint,
}

macro_rules! bindings {
    ($($context:ident $hint:ident [$($key:expr),+] $action:expr, $label:literal, $help:literal;)*) => {
        &[$(Binding {
            context: Context::$context, keys: &[$($key),+], action: $action,
            label: $label, help: $help, hint: Hint::$hint,
        }),*]
    };
}

use Action as A;
use Motion as M;

/// Every key.
pub(crate) static BINDINGS: &[Binding] = bindings! {
    Goal First [letter('x')] A::Cancel, "cancel", "cancel the goal";
    Goal First [letter('p')] A::Pause, "pause", "pause the goal, or let it go on";
    Goal Second [letter('v')] A::Verify, "verify", "run all validations of the goal again";
    Goal Second [letter('A')] A::Apply, "apply", "write the goal's result into its folder";
    Task First [letter('r')] A::Retry, "retry", "give a failed or blocked task all its attempts again";
    Task Never [letter('E')] A::Shell, "shell", "open a shell in the container that works on the task";
    Task Second [letter('m')] A::Memory, "memory", "show what the task's agent knows";
    Plan First [letter('e')] A::NextError, "problem", "go to the next task that failed or needs a person";
    Plan Second [letter('a')] A::NextRunning, "at work", "go to the next task that runs";
    Plan Second [letter(']')] A::OlderGoal, "older goal", "show the goal that came before";
    Plan Never [letter('[')] A::NewerGoal, "newer goal", "show the goal that came after";
    Plan Never [letter('-')] A::CloseBranches, "close", "close all branches of the plan";
    Plan Never [letter('+'), letter('=')] A::OpenBranches, "open", "open all branches of the plan";
    Agent First [letter('m')] A::Memory, "memory", "show what the agent knows";
    Agent First [letter('w')] A::Wipe, "wipe", "let the agent forget all but its core knowledge";
    Agent Second [letter('D')] A::Drain, "drain", "let the agent finish its task and end";
    Agent Second [letter('E')] A::Shell, "shell", "open a shell in the agent's container";
    Role First [letter('+'), letter('=')] A::ScaleUp, "one more", "ask for one agent more of the role";
    Role Second [letter('-')] A::ScaleDown, "one less", "ask for one agent less of the role";
    Role First [letter('s')] A::Scale, "scale", "say how many agents of the role are wanted";
    Role Second [letter('w')] A::Wipe, "wipe", "let the role's agents forget all but their core knowledge";
    Log First [letter('f')] A::Follow, "follow", "follow the newest line";
    Whose First [letter('c')] A::Scope, "whose", "choose whose lines are shown";
    Log Second [letter('&')] A::FilterLines, "only", "show only lines with a text (&!text: without it)";
    Log Second [letter('L')] A::Level, "level", "show all lines, warnings and errors, or errors";
    Log Second [letter('e')] A::NextError, "error", "go to the next line that tells of an error";
    Log Never [letter('E')] A::PreviousError, "error before", "go to the error before";
    Log Never [letter('t')] A::Times, "times", "show when each line was written, or not";
    Log Never [letter('v')] A::Mark, "mark", "mark lines; y copies them";
    Log Never [letter('S')] A::Stream, "stream", "leave the screen and print lines as they come";
    Log Second [letter('W')] A::Wrap, "wrap", "break long lines, or cut them";
    Lines Second [letter('n')] A::NextMatch, "next", "go to the next match";
    Lines Never [letter('l')] A::Move(M::Right), "right", "to the right; W breaks long lines";
    Lines Never [letter('N')] A::PreviousMatch, "match before", "go to the match before";
    Rows Second [key(KeyCode::Enter)] A::Open, "open", "open what is selected";
    Rows Second [letter('l')] A::Logs, "log", "show the log of what is selected";
    Rows Never [key(KeyCode::Up), letter('k')] A::Move(M::Up), "up", "one row up";
    Rows Never [key(KeyCode::Down), letter('j')] A::Move(M::Down), "down", "one row down";
    Rows Never [key(KeyCode::PageUp), ctrl('b')] A::Move(M::PageUp), "page up", "one screen up";
    Rows Never [key(KeyCode::PageDown), ctrl('f')] A::Move(M::PageDown), "page down", "one screen down";
    Rows Never [ctrl('u')] A::Move(M::HalfUp), "half up", "half a screen up";
    Rows Never [ctrl('d')] A::Move(M::HalfDown), "half down", "half a screen down";
    Rows Never [key(KeyCode::Home), letter('g')] A::Move(M::Top), "top", "to the first row";
    Rows Never [key(KeyCode::End), letter('G')] A::Move(M::Bottom), "bottom", "to the last row; a log is followed again";
    Rows Never [key(KeyCode::Left), letter('h')] A::Move(M::Left), "left", "left, or close a branch";
    Rows Never [key(KeyCode::Right)] A::Move(M::Right), "right", "right, or open a branch";
    Panes Always [key(KeyCode::Tab)] A::NextPane, "part", "to the next part of the view";
    Panes Never [key(KeyCode::BackTab)] A::PreviousPane, "part before", "to the part before";
    Panes Second [letter('z')] A::Zoom, "zoom", "give the part the whole screen, or give it back";
    Everywhere Always [letter('b')] A::NewGoal, "new goal", "say what is to be built or mended";
    Everywhere Always [letter(':')] A::Palette, "command", "type a command";
    Everywhere First [letter('/')] A::Search, "search", "look for a text, or filter the rows";
    Everywhere Always [letter('?')] A::Help, "keys", "show the keys of this view, and all commands";
    Everywhere Always [letter('q')] A::Quit, "quit", "leave the console; the fleet goes on";
    Everywhere Never [key(KeyCode::Esc), key(KeyCode::Backspace)] A::Back, "back", "close this, or go back";
    Everywhere Never [letter('1')] A::Show(ViewName::Overview), "overview", "goals, agents, queues, hosts and what needs attention";
    Everywhere Never [letter('2')] A::Show(ViewName::Goal), "goal", "a goal's plan and its tasks";
    Everywhere Never [letter('3')] A::Show(ViewName::Agents), "agents", "each agent's memory and log";
    Everywhere Never [letter('4')] A::Show(ViewName::Queues), "queues", "what waits, what runs, what was given up";
    Everywhere Never [letter('5')] A::Show(ViewName::Logs), "logs", "what agents said and their commands printed";
    Everywhere Never [letter('6')] A::Show(ViewName::Events), "events", "who did what, and when";
    Everywhere Never [letter('7')] A::Show(ViewName::Fleet), "fleet", "how many agents are wanted and there, by role and host";
    Everywhere Never [letter(' ')] A::Freeze, "freeze", "stop the picture, or let it go on";
    Everywhere Never [letter('y')] A::Copy, "copy", "copy what is selected to the clipboard";
    Everywhere Never [letter('o')] A::Pager, "pager", "open what is shown in $PAGER";
    Everywhere Never [letter('O')] A::Editor, "editor", "open what is shown in $EDITOR";
    Everywhere Never [ctrl('s')] A::Save, "save", "write what is shown into a file";
    Everywhere Never [letter('M')] A::ToggleMouse, "mouse", "let the terminal select text, or the console take the mouse";
    Everywhere Never [ctrl('l')] A::Redraw, "redraw", "draw everything anew";
    Everywhere Never [ctrl('z')] A::Suspend, "suspend", "put the console to sleep; fg wakes it";
    Everywhere Never [ctrl('c')] A::Quit, "quit", "leave the console; the fleet goes on";
};

/// What the key means where these contexts hold, the most particular first.
pub(crate) fn action(contexts: &[Context], event: &KeyEvent) -> Option<Action> {
    in_force(contexts).find(|binding| binding.keys.iter().any(|key| key.is(event))).map(|b| b.action)
}

/// The context among these in which the key means something.
pub(crate) fn context_of(contexts: &[Context], event: &KeyEvent) -> Option<Context> {
    in_force(contexts).find(|binding| binding.keys.iter().any(|key| key.is(event))).map(|b| b.context)
}

/// The lines of the table that hold, the most particular context first; a key that an earlier line has
/// taken stays with that line.
pub(crate) fn in_force(contexts: &[Context]) -> impl Iterator<Item = &'static Binding> {
    let order = contexts.to_vec();
    order.into_iter().flat_map(|context| BINDINGS.iter().filter(move |binding| binding.context == context))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_context_gives_a_key_two_meanings() {
        for (i, one) in BINDINGS.iter().enumerate() {
            for other in &BINDINGS[i + 1..] {
                let shared = one.keys.iter().find(|key| other.keys.contains(key));
                assert!(
                    one.context != other.context || shared.is_none(),
                    "{} means both {} and {}",
                    shared.map(|key| key.name()).unwrap_or_default(),
                    one.help,
                    other.help
                );
            }
        }
    }

    #[test]
    fn the_most_particular_context_decides() {
        let press = KeyEvent::new(KeyCode::Char('w'), KeyModifiers::NONE);
        assert_eq!(action(&[Context::Agent, Context::Rows, Context::Everywhere], &press), Some(Action::Wipe));
        assert_eq!(action(&[Context::Rows, Context::Everywhere], &press), None);
        let shifted = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(action(&[Context::Rows], &shifted), Some(Action::Move(Motion::Bottom)));
    }
}
