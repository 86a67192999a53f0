//! The table, for a terminal and for a page.

use crate::sampling::{Group, Subject, quantile};

const COLUMNS: [&str; 5] = ["figure", "median", "p10 to p90", "medians of the runs", "ratio"];

/// Aligned columns.
pub(crate) fn plain(groups: &[Group]) -> String {
    let mut text = String::new();
    for group in groups {
        let rows = rows(group);
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let widths: [usize; 5] = std::array::from_fn(|column| width(column).max(COLUMNS[column].len()));
        text.push_str(&format!("{}\n", group.title));
        let heads = COLUMNS.map(str::to_owned);
        for row in std::iter::once(&heads).chain(&rows) {
            let mut line = format!("  {:<width$}", row[0], width = widths[0]);
            for column in 1..row.len() {
                line.push_str(&format!("  {:>width$}", row[column], width = widths[column]));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

/// A table of Markdown for each group.
pub(crate) fn markdown(groups: &[Group]) -> String {
    let mut text = String::new();
    for group in groups {
        text.push_str(&format!("### {}\n\n| {} |\n|---|--:|--:|--:|--:|\n", group.title, COLUMNS.join(" | ")));
        for row in rows(group) {
            text.push_str(&format!("| {} |\n", row.join(" | ")));
        }
        text.push('\n');
    }
    text
}

fn rows(group: &Group) -> Vec<[String; 5]> {
    let row = |(index, subject): (usize, &Subject)| {
        let at = |part| quantile(subject.samples.clone(), part);
        [
            subject.name.clone(),
            time(at(0.5)),
            format!("{} to {}", time(at(0.1)), time(at(0.9))),
            medians(subject).into_iter().map(time).collect::<Vec<_>>().join(", "),
            group.ratio(index).map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        ]
    };
    group.subjects.iter().enumerate().map(row).collect()
}

/// The median of each run.
fn medians(subject: &Subject) -> Vec<f64> {
    let mut rest = subject.samples.as_slice();
    let run = |count: &usize| {
        let (run, later) = rest.split_at((*count).min(rest.len()));
        rest = later;
        quantile(run.to_vec(), 0.5)
    };
    subject.runs.iter().map(run).collect()
}

/// A time with three digits.
fn time(nanoseconds: f64) -> String {
    let (value, unit) = match nanoseconds {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns => (ns / 1e6, "ms"),
    };
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {unit}")
}
