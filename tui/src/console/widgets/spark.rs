//! Sparklines: the newest samples in one row of blocks.

use crate::follow::Glyphs;

/// The newest `columns` samples, each as high as its share of the largest; nothing at all is a line of
/// low marks, so that "no traffic" and "not known" look different.
pub(crate) fn spark(samples: impl ExactSizeIterator<Item = u64>, columns: usize, glyphs: &Glyphs) -> String {
    let skipped = samples.len().saturating_sub(columns);
    let shown: Vec<u64> = samples.skip(skipped).collect();
    let most = shown.iter().copied().max().unwrap_or(0).max(1);
    let steps = glyphs.steps();
    let top = steps.len() as u64 - 1;
    let bar =
        |sample: u64| steps[usize::try_from((sample * top).div_ceil(most)).unwrap_or(0).min(steps.len() - 1)];
    let missing = columns - shown.len().min(columns);
    " ".repeat(missing).chars().chain(shown.into_iter().map(bar)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_samples_stand_at_the_right() {
        let unicode = Glyphs::unicode();
        assert_eq!(spark([9, 0, 1, 4, 8].into_iter(), 4, &unicode), "▁▂▅█");
        assert_eq!(spark([0, 0].into_iter(), 4, &unicode), "  ▁▁");
        assert_eq!(spark([0, 8].into_iter(), 2, &Glyphs::ascii()), "_#");
    }
}
