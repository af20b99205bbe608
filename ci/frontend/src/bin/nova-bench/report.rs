// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What was measured, as a table for people and as JSON for programs.

use std::fmt::Write;
use std::time::Duration;

/// The times of one row.
pub struct Row {
    name: String,
    /// Nanoseconds.
    times: Vec<u64>,
}

/// p50, p99 and p999 in microseconds.
#[derive(Clone, Copy)]
struct Summary {
    p50: f64,
    p99: f64,
    p999: f64,
}

impl Row {
    /// An empty row.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            times: Vec::new(),
        }
    }

    /// Adds a time.
    pub fn add(&mut self, time: Duration) {
        self.times.push(time.as_nanos() as u64);
    }

    fn summary(&self) -> Summary {
        let mut times = self.times.clone();
        times.sort_unstable();
        let at = |part: f64| {
            let last = times.len().saturating_sub(1);
            let index = (last as f64 * part).round() as usize;
            times.get(index).copied().unwrap_or(0) as f64 / 1000.0
        };
        Summary {
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
        }
    }
}

/// Everything that one run measured.
pub struct Report {
    /// On one CPU: the ping-pong first, then control, then control beside idle tenants.
    pub rows: Vec<Row>,
    /// On two CPUs, or nothing.
    pub two_cpus: Vec<Row>,
    /// Registers over vfio-user on one CPU: the socket's ping-pong first.
    pub registers: Vec<Row>,
    /// From connect to the first answer.
    pub attach: Row,
    /// KiB a connected idle tenant.
    pub rss: f64,
}

impl Report {
    /// For people.
    pub fn table(&self) -> String {
        let mut table = String::new();
        let mut section = |title: &str, rows: &[Row]| {
            let Some(first) = rows.first() else { return };
            let base = first.summary().p50;
            let _ = writeln!(
                table,
                "{title:<42} {:>9} {:>9} {:>9} {:>8}",
                "p50 µs", "p99 µs", "p999 µs", "ratio"
            );
            for row in rows {
                let Summary { p50, p99, p999 } = row.summary();
                let ratio = p50 / base;
                let name = &row.name;
                let _ = writeln!(
                    table,
                    "  {name:<40} {p50:>9.2} {p99:>9.2} {p999:>9.2} {ratio:>7.2}x"
                );
            }
        };
        section("both ends on one CPU", &self.rows);
        section("ends on two CPUs", &self.two_cpus);
        section("vfio-user on one CPU", &self.registers);
        if let [_, control, idle, ..] = &self.rows[..] {
            let ratio = idle.summary().p50 / control.summary().p50;
            let _ = writeln!(table, "idle tenants beside it: {ratio:.2}x of one tenant");
        }
        let Summary { p50, p99, .. } = self.attach.summary();
        let _ = writeln!(
            table,
            "attach to first answer: p50 {p50:.0} µs, p99 {p99:.0} µs"
        );
        let _ = writeln!(
            table,
            "resident memory a connected idle tenant: {:.0} KiB",
            self.rss
        );
        table
    }

    /// For programs: times in microseconds.
    pub fn json(&self) -> String {
        let rows = |rows: &[Row]| {
            let rows: Vec<_> = rows.iter().map(row_json).collect();
            format!("[{}]", rows.join(","))
        };
        format!(
            "{{\"one_cpu\":{},\"two_cpus\":{},\"vfio_user\":{},\"attach\":{},\"rss_kib\":{:.1}}}",
            rows(&self.rows),
            rows(&self.two_cpus),
            rows(&self.registers),
            row_json(&self.attach),
            self.rss
        )
    }
}

fn row_json(row: &Row) -> String {
    let Summary { p50, p99, p999 } = row.summary();
    let (name, samples) = (row.name.escape_default(), row.times.len());
    format!(
        "{{\"name\":\"{name}\",\"samples\":{samples},\"p50_us\":{p50:.3},\"p99_us\":{p99:.3},\"p999_us\":{p999:.3}}}"
    )
}
