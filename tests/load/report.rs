//! What was measured, beside what it should be.

use std::fmt::Write as _;

/// What a figure should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    fn met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }

    fn text(self, unit: &str) -> String {
        match self {
            Self::AtMost(most) => format!("≤ {} {unit}", number(most)),
            Self::AtLeast(least) => format!("≥ {} {unit}", number(least)),
        }
    }
}

/// One figure over all runs.
#[derive(Debug, Clone)]
pub struct Figure {
    pub name: String,
    unit: &'static str,
    goal: Option<Goal>,
    pub runs: Vec<f64>,
    notes: Vec<String>,
}

impl Figure {
    pub fn median(&self) -> f64 {
        let mut runs = self.runs.clone();
        runs.sort_by(f64::total_cmp);
        runs.get(runs.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn row(&self) -> [String; 5] {
        let (median, unit) = (self.median(), self.unit);
        let [low, high] = [f64::min, f64::max].map(|pick| self.runs.iter().copied().reduce(pick).unwrap_or(f64::NAN));
        let spread =
            if self.runs.len() > 1 { format!("{} to {}", number(low), number(high)) } else { "one run".to_owned() };
        let mut remarks = self.notes.clone();
        if self.goal.is_some_and(|goal| !goal.met(median)) {
            remarks.insert(0, "MISSED".to_owned());
        }
        [
            self.name.clone(),
            self.goal.map_or_else(|| "–".to_owned(), |goal| goal.text(unit)),
            format!("{} {unit}", number(median)).trim_end().to_owned(),
            spread,
            remarks.join("; "),
        ]
    }
}

/// A table of figures.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub title: String,
    pub figures: Vec<Figure>,
}

impl Report {
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), figures: Vec::new() }
    }

    /// Adds the value of one run to a figure.
    pub fn add(&mut self, name: &str, unit: &'static str, goal: Option<Goal>, value: f64) {
        match self.figures.iter_mut().find(|figure| figure.name == name) {
            Some(figure) => figure.runs.push(value),
            None => {
                let figure = Figure { name: name.to_owned(), unit, goal, runs: vec![value], notes: Vec::new() };
                self.figures.push(figure);
            }
        }
    }

    /// Says something about a figure, once.
    pub fn note(&mut self, name: &str, note: &str) {
        if let Some(figure) = self.figures.iter_mut().find(|figure| figure.name == name)
            && !figure.notes.iter().any(|known| known == note)
        {
            figure.notes.push(note.to_owned());
        }
    }

    /// The median of a figure.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name).map(Figure::median)
    }

    /// A table that can be read on a terminal and pasted into a page.
    pub fn text(&self) -> String {
        let heads = ["figure", "goal", "median", "spread", "remark"].map(str::to_owned);
        let rows: Vec<[String; 5]> = std::iter::once(heads).chain(self.figures.iter().map(Figure::row)).collect();
        let widths: [usize; 5] =
            std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default());
        let mut text = format!("### {}\n\n", self.title);
        for (index, row) in rows.iter().enumerate() {
            for (cell, width) in row.iter().zip(widths) {
                let _ = write!(text, "| {cell:<width$} ");
            }
            text.push_str("|\n");
            if index == 0 {
                for width in widths {
                    let _ = write!(text, "|{:-<width$}", "", width = width + 2);
                }
                text.push_str("|\n");
            }
        }
        text
    }
}

/// Three digits are enough.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    // Rates near their goal need one more.
    let digits = if (20.0..30.0).contains(&value) && value.fract() != 0.0 { 2 } else { digits };
    format!("{value:.digits$}")
}
