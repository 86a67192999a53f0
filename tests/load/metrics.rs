//! What the realm says of itself on `/metrics`.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

/// All values at one moment, by name and labels as they stand there.
#[derive(Debug, Clone, Default)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    pub fn scrape(address: SocketAddr) -> Self {
        let mut socket = TcpStream::connect(address).expect("the realm tells of itself");
        socket.set_read_timeout(Some(super::pipe::DEADLINE)).expect("a deadline can be set");
        let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        socket.write_all(request).expect("the realm reads");
        let mut text = String::new();
        socket.read_to_string(&mut text).expect("the realm answers");
        let value = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.trim().parse().ok()?))
        };
        Self(text.lines().filter(|line| !line.starts_with('#')).filter_map(value).collect())
    }

    /// The value now; 0 when nothing was counted.
    pub fn value(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// By how much a value has grown.
    pub fn growth(&self, earlier: &Self, name: &str) -> f64 {
        self.value(name) - earlier.value(name)
    }

    /// The mean of a histogram of times since an earlier look, in microseconds.
    pub fn mean_us(&self, earlier: &Self, name: &str, labels: &str) -> f64 {
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let count = self.growth(earlier, &format!("{name}_count{labels}"));
        if count > 0.0 { self.growth(earlier, &format!("{name}_sum{labels}")) / count * 1e6 } else { 0.0 }
    }

    /// The smallest limit of a histogram of times below which this part of the times since an earlier look lies, in milliseconds.
    pub fn quantile_ms(&self, earlier: &Self, name: &str, part: f64) -> f64 {
        let head = format!("{name}_bucket{{");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (line, _) in self.0.range(head.clone()..).take_while(|(line, _)| line.starts_with(&head)) {
            let limit = line.split("le=\"").nth(1).and_then(|rest| rest.split('"').next());
            let limit = limit.map_or(f64::INFINITY, |limit| limit.parse().unwrap_or(f64::INFINITY));
            buckets.push((limit, self.growth(earlier, line)));
        }
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        let total = buckets.last().map_or(0.0, |(_, count)| *count);
        buckets.iter().find(|(_, count)| *count >= total * part).map_or(0.0, |(limit, _)| limit * 1e3)
    }
}
