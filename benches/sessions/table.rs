//! The tables that are printed.

/// What a figure may be, and whether it is.
pub(crate) struct Budget {
    words: String,
    kept: bool,
}

impl Budget {
    /// At most `limit`.
    pub(crate) fn at_most(figure: f64, limit: f64, unit: &str) -> Self {
        Self { words: format!("≤ {limit} {unit}"), kept: figure <= limit }
    }

    /// All of so many.
    pub(crate) fn all(figure: usize, of: usize) -> Self {
        Self { words: format!("{of}"), kept: figure == of }
    }
}

/// Begins a table.
pub(crate) fn heading(title: &str) {
    println!("\n{title:<62} {:>14}  {:<10}", "figure", "budget");
}

/// A figure without budget.
pub(crate) fn row(what: &str, figure: impl std::fmt::Display) {
    println!("  {what:<60} {figure:>14}");
}

/// A figure with its budget.
pub(crate) fn judged(what: &str, figure: impl std::fmt::Display, budget: &Budget) {
    let judgement = if budget.kept { "ok" } else { "OVER" };
    println!("  {what:<60} {figure:>14}  {:<10} {judgement}", budget.words);
}

/// Figures of one thing, in order.
pub(crate) struct Spread(Vec<f64>);

impl Spread {
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        Self(figures)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The figure that `percent` of all are not above.
    pub(crate) fn at(&self, percent: usize) -> f64 {
        let place = (self.0.len() * percent).div_ceil(100).max(1) - 1;
        self.0.get(place).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn sum(&self) -> f64 {
        self.0.iter().sum()
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [min, middle, p95, p99, max] = [0, 50, 95, 99, 100].map(|percent| self.at(percent));
        write!(out, "{min:.2} min, {middle:.2} median, {p95:.2} p95, {p99:.2} p99, {max:.2} max")
    }
}
