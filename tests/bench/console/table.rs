//! The table: what was measured, beside its bar.

/// Gathers rows and prints each at once: a run takes minutes.
#[derive(Debug, Default)]
pub(crate) struct Table {
    missed: usize,
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
impl Table {
    /// Begins, with what the machine is doing besides.
    pub(crate) fn begin() -> Self {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let average: Vec<&str> = load.split(' ').take(3).collect();
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        println!("load average {} on {cpus} processors\n", average.join(" "));
        println!("{:<50} {:>10}  {:>10}", "what", "measured", "at most");
        Self::default()
    }

    /// A heading.
    pub(crate) fn heading(&self, text: &str) {
        println!("\n{text}");
    }

    /// A value that must not be greater than `most`.
    pub(crate) fn bar(&mut self, what: &str, unit: &str, value: f64, most: f64) {
        // As it is shown, so that the verdict can be read off the table.
        let met = (value * 100.0).round() / 100.0 <= most;
        self.missed += usize::from(!met);
        let verdict = if met { "" } else { "  MISSED" };
        println!("{:<50} {:>10}  {most:>10}{verdict}", format!("  {what}, {unit}"), shown(value));
    }

    /// A value for which there is no bar.
    pub(crate) fn value(&self, what: &str, unit: &str, value: f64) {
        println!("{:<50} {:>10}", format!("  {what}, {unit}"), shown(value));
    }

    /// Says how it went. Returns whether every bar is met.
    pub(crate) fn end(&self) -> bool {
        match self.missed {
            0 => println!("\nevery bar is met"),
            missed => println!("\nbars missed: {missed}"),
        }
        self.missed == 0
    }
}

fn shown(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// The value below which that part of all lies.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a short list"
    )]
    let place = (part * sorted.len() as f64) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
