//! When a picture is drawn: at once after a key, else never sooner than 33 ms after the last one, later
//! after one that was long to send, and not at all while nothing changed.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// At most thirty pictures a second of what happens by itself.
const GAP: Duration = Duration::from_millis(33);
/// Nobody reads thirty whole screens a second, and a slow line could not send them: what happens by itself
/// sends so many bytes a millisecond, but is never older than this.
const BYTES_A_MILLISECOND: u64 = 16;
const LONGEST_GAP: Duration = Duration::from_millis(250);
/// Keys that come faster than anybody types, as from a wheel, share pictures.
const KEY_GAP: Duration = Duration::from_millis(8);

/// How soon a change must be seen. The later ones are more urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// Something happened somewhere.
    Soon,
    /// Somebody waits for it: a key was pressed.
    Now,
}

/// The limiter. It holds no timer; at rest nothing is scheduled.
#[derive(Debug, Default)]
pub(super) struct Frames {
    wanted: Option<Urgency>,
    last: Option<Instant>,
    /// How long the next one that nobody waits for keeps away from it.
    gap: Duration,
    /// The last picture that a key asked for: one that was drawn by itself holds no key up.
    last_for_key: Option<Instant>,
}

impl Frames {
    /// Says that the picture on the screen is no longer true.
    pub(super) fn request(&mut self, urgency: Urgency) {
        self.wanted = self.wanted.max(Some(urgency));
    }

    /// Says that a picture of so many bytes was drawn.
    pub(super) fn drawn(&mut self, bytes: usize) {
        let now = Some(Instant::now());
        let to_send = Duration::from_millis(bytes as u64 / BYTES_A_MILLISECOND);
        self.gap = to_send.clamp(GAP, LONGEST_GAP);
        self.last = now;
        if self.wanted.take() == Some(Urgency::Now) {
            self.last_for_key = now;
        }
    }

    /// When to draw; none while nothing changed. It may have passed.
    pub(super) fn due(&self) -> Option<Instant> {
        let (last, gap) = match self.wanted? {
            Urgency::Now => (self.last_for_key, KEY_GAP),
            Urgency::Soon => (self.last, self.gap),
        };
        Some(last.map_or_else(Instant::now, |last| last + gap))
    }

    /// Waits until a picture is to be drawn; for ever while nothing changed.
    pub(super) async fn wait(&self) {
        match self.due() {
            // A timer would be one more turn of the runtime.
            Some(due) if due <= Instant::now() => {}
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{sleep, timeout};

    async fn waited(frames: &Frames) -> Duration {
        let before = Instant::now();
        frames.wait().await;
        before.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_picture_is_drawn_at_once() {
        let mut frames = Frames::default();
        frames.request(Urgency::Soon);
        assert_eq!(waited(&frames).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn at_rest_nothing_is_due() {
        let mut frames = Frames::default();
        assert_eq!(frames.due(), None);
        frames.request(Urgency::Now);
        frames.drawn(100);
        assert_eq!(frames.due(), None);
        assert!(timeout(Duration::from_secs(3600), frames.wait()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_happens_by_itself_is_drawn_33_ms_after_the_last_picture() {
        let mut frames = Frames::default();
        frames.drawn(100);
        frames.request(Urgency::Soon);
        sleep(Duration::from_millis(10)).await;
        // Another change does not put it off.
        frames.request(Urgency::Soon);
        assert_eq!(waited(&frames).await, Duration::from_millis(23));
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_drawn_at_once_and_takes_waiting_changes_along() {
        let mut frames = Frames::default();
        frames.drawn(100);
        frames.request(Urgency::Soon);
        frames.request(Urgency::Now);
        assert_eq!(waited(&frames).await, Duration::ZERO);
        frames.drawn(100);
        assert_eq!(frames.due(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_whole_screen_is_followed_later_but_a_key_is_not_held_up() {
        let mut frames = Frames::default();
        frames.drawn(2_000);
        frames.request(Urgency::Soon);
        assert_eq!(frames.due(), Some(Instant::now() + Duration::from_millis(125)));
        frames.request(Urgency::Now);
        assert_eq!(waited(&frames).await, Duration::ZERO);
        frames.drawn(100_000);
        frames.request(Urgency::Soon);
        assert_eq!(waited(&frames).await, Duration::from_millis(250));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wheel_that_is_turned_fast_shares_pictures() {
        let mut frames = Frames::default();
        frames.request(Urgency::Now);
        frames.drawn(100);
        sleep(Duration::from_millis(3)).await;
        frames.request(Urgency::Now);
        assert_eq!(waited(&frames).await, Duration::from_millis(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_changes_a_second_make_thirty_pictures() {
        let (mut frames, mut pictures) = (Frames::default(), 0);
        let end = Instant::now() + Duration::from_secs(1);
        while Instant::now() < end {
            frames.request(Urgency::Soon);
            if timeout(Duration::from_millis(1), frames.wait()).await.is_ok() {
                frames.drawn(100);
                pictures += 1;
            }
        }
        assert!((29..=31).contains(&pictures), "{pictures}");
    }
}
