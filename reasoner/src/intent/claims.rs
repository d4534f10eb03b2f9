//! Which words of the sentence were taken for what, so that the rest can be listed.

use codegod_protocol::intent::Understood;

use super::words::{Gap, Word};

/// What became of one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nobody took it yet.
    Open,
    /// Nobody may take it: it stays in the list of what is not covered.
    Left,
    /// It asks for nothing.
    Stop,
    /// Part of an understood phrase.
    Taken,
}

/// The sentence, its words and what became of them.
#[derive(Debug)]
pub(super) struct Claims<'a> {
    text: &'a str,
    /// The words.
    pub words: Vec<Word>,
    /// What became of each.
    pub states: Vec<State>,
    understood: Vec<(usize, Understood)>,
}

impl<'a> Claims<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let words = super::words::cut(text);
        let states = vec![State::Open; words.len()];
        Self { text, words, states, understood: Vec::new() }
    }

    /// Takes the words `first..end` for `meaning`.
    pub(super) fn take(&mut self, first: usize, end: usize, meaning: impl Into<String>) {
        self.mark(first, end, State::Taken);
        self.explain(first, end, meaning);
    }

    /// Says something of the words `first..end` without changing what became of them.
    pub(super) fn explain(&mut self, first: usize, end: usize, meaning: impl Into<String>) {
        let phrase = self.phrase(first, end).to_owned();
        if !phrase.is_empty() {
            self.understood.push((first, Understood { phrase, meaning: meaning.into() }));
        }
    }

    /// Sets what became of the words `first..end`.
    pub(super) fn mark(&mut self, first: usize, end: usize, state: State) {
        if let Some(states) = self.states.get_mut(first..end) {
            states.fill(state);
        }
    }

    /// The words `first..end` as written.
    pub(super) fn phrase(&self, first: usize, end: usize) -> &'a str {
        match (self.words.get(first), end.checked_sub(1).and_then(|last| self.words.get(last))) {
            (Some(first), Some(last)) => self.text.get(first.start..last.end).unwrap_or_default(),
            _ => "",
        }
    }

    /// Forgets everything understood: every word that is not a stop word is left.
    pub(super) fn give_up(&mut self) {
        self.understood.clear();
        for state in &mut self.states {
            if *state == State::Taken || *state == State::Open {
                *state = State::Left;
            }
        }
    }

    /// Ends the claims: what was understood in order of the sentence, and the phrases nobody took,
    /// each once.
    pub(super) fn finish(mut self) -> (Vec<Understood>, Vec<String>) {
        self.understood.sort_by_key(|(first, _)| *first);
        let mut left: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        let mut at = 0;
        while at < self.words.len() {
            let end = self.run_end(at);
            if end > at && seen.insert(self.phrase(at, end)) {
                left.push(self.phrase(at, end).to_owned());
            }
            at = end.max(at + 1);
        }
        (self.understood.into_iter().map(|(_, understood)| understood).collect(), left)
    }

    /// Where the run of words nobody took that starts at `at` ends; `at` if none does.
    fn run_end(&self, at: usize) -> usize {
        let unclaimed = |place: usize| matches!(self.states.get(place), Some(State::Open | State::Left));
        if !unclaimed(at) {
            return at;
        }
        let mut end = at + 1;
        while unclaimed(end) && self.words[end].gap == Gap::Joined {
            end += 1;
        }
        end
    }

    /// Whether word `at` is one of `words`.
    pub(super) fn is_one_of(&self, at: usize, words: &[&str]) -> bool {
        self.words.get(at).is_some_and(|word| words.contains(&word.lower.as_str()))
    }
}
