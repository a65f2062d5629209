//! The table that people read and the file that programs read.

use std::fmt::Write;

use crate::figures::{BOOT, CALLS, Figure, NET, NETWORK, PACKETS, PROCESSES, TAP, Unit, Values};
use crate::options::{Options, Part};

fn rows(part: Part) -> Vec<(&'static str, &'static [Figure])> {
    let all: [(Part, &str, &[Figure]); 7] = [
        (Part::Boot, "boot, memory, size", &BOOT),
        (Part::Calls, "instructions per operation", &CALLS),
        (Part::Processes, "more than one process", &PROCESSES),
        (Part::Network, "network, on 127.0.0.1", &NETWORK),
        (Part::Net, "servers, instructions per operation", &NET),
        (Part::Net, "the same over a TAP interface", &TAP),
        (Part::Net, "servers, instructions per packet", &PACKETS),
    ];
    let wanted = all.into_iter().filter(|(of, ..)| part.has(*of));
    wanted.map(|(_, title, figures)| (title, figures)).collect()
}

/// The table.
pub(crate) fn text(options: &Options, values: &Values) -> String {
    let mut out = String::new();
    let linux = if values.linux.name.is_empty() {
        "Linux"
    } else {
        &values.linux.name
    };
    let _ = writeln!(
        out,
        "QEMU -M microvm -accel tcg -icount shift=0{} -cpu {}, one CPU",
        if options.part == Part::Net { "" } else { ",sleep=off" },
        options.cpu
    );
    for (title, figures) in rows(options.part) {
        let _ = writeln!(
            out,
            "\n{title:<38} {:>10} {:>12}   {:>26}  times",
            "budget", "Chiton", linux
        );
        for figure in figures {
            let ours = values.ours.figures.get(figure.id).copied();
            let theirs = values.linux.figures.get(figure.id).copied();
            let over = figure.is_over(ours, theirs);
            let times = match (ours, theirs) {
                (Some(ours), Some(theirs)) if ours > 0.0 => format!("{:.1}", theirs / ours),
                _ => String::new(),
            };
            let _ = writeln!(
                out,
                "{:<38} {:>10} {:>12} {} {:>26}  {times}",
                heading(figure),
                figure
                    .share
                    .map_or_else(|| cell(figure.budget, figure.unit), |share| format!("{share} ×")),
                cell(ours, figure.unit),
                if over { "!" } else { " " },
                cell(theirs, figure.unit)
            );
        }
    }
    let _ = writeln!(
        out,
        "\n! over the budget (× of Linux)      times: how much less Chiton needs than Linux"
    );
    for note in &values.notes {
        let _ = writeln!(out, "note: {note}");
    }
    out
}

fn heading(figure: &Figure) -> String {
    match figure.unit {
        Unit::Instructions => figure.title.to_owned(),
        unit => format!("{} ({})", figure.title, unit.name()),
    }
}

fn cell(value: Option<f64>, unit: Unit) -> String {
    match (value, unit) {
        (None, _) => "-".to_owned(),
        (Some(value), Unit::Instructions) => grouped(value),
        (Some(value), Unit::Seconds) => format!("{value:.3}"),
        (Some(value), Unit::Mebibytes | Unit::Megabytes) => format!("{value:.2}"),
    }
}

/// A whole number with commas between its thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The same as JSON: `{"cpu": …, "linux": …, "figures": {ID: {"unit": …, "budget": …, "chiton": …, "linux": …}}, "notes": […]}`.
pub(crate) fn json(options: &Options, values: &Values) -> String {
    let mut entries = Vec::new();
    for (_, figures) in rows(options.part) {
        for figure in figures {
            entries.push(format!(
                "    {}: {{\"unit\": {}, \"budget\": {}, \"chiton\": {}, \"linux\": {}}}",
                quoted(figure.id),
                quoted(figure.unit.name()),
                number(figure.budget),
                number(values.ours.figures.get(figure.id).copied()),
                number(values.linux.figures.get(figure.id).copied())
            ));
        }
    }
    let notes: Vec<String> = values.notes.iter().map(|note| quoted(note)).collect();
    format!(
        "{{\n  \"cpu\": {},\n  \"linux\": {},\n  \"figures\": {{\n{}\n  }},\n  \"notes\": [{}]\n}}\n",
        quoted(&options.cpu),
        quoted(&values.linux.name),
        entries.join(",\n"),
        notes.join(", ")
    )
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "null".to_owned(), |value| format!("{value}"))
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for symbol in text.chars() {
        match symbol {
            '"' | '\\' => out.extend(['\\', symbol]),
            '\n' => out.push_str("\\n"),
            symbol if symbol.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(symbol));
            }
            symbol => out.push(symbol),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::{grouped, json, quoted, text};
    use crate::figures::Values;
    use crate::options::{Options, Part};

    fn sample() -> (Options, Values) {
        let mut values = Values::default();
        values.ours.figures.insert("getpid".to_owned(), 151.0);
        values.linux.figures.insert("getpid".to_owned(), 302.0);
        values.notes.push("a \"note\"\nin two lines".to_owned());
        (
            Options {
                part: Part::Calls,
                ..Options::default()
            },
            values,
        )
    }

    #[test]
    fn a_row_shows_both_kernels_and_marks_what_is_over_its_budget() {
        let (options, values) = sample();
        let table = text(&options, &values);
        let row = table.lines().find(|line| line.starts_with("getpid")).unwrap();
        assert_eq!(
            row.split_whitespace().collect::<Vec<_>>(),
            ["getpid", "110", "151", "!", "302", "2.0"]
        );
    }

    #[test]
    fn the_file_has_every_row_and_null_for_what_is_not_known() {
        let (options, values) = sample();
        let file = json(&options, &values);
        assert!(
            file.contains("\"getpid\": {\"unit\": \"instructions\", \"budget\": 110, \"chiton\": 151, \"linux\": 302}")
        );
        assert!(file.contains("\"budget\": 60, \"chiton\": null, \"linux\": null"));
        assert!(file.contains("a \\\"note\\\"\\nin two lines"));
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(900_000.0), "900,000");
        assert_eq!(grouped(12.4), "12");
        assert_eq!(grouped(1_378_000_000.0), "1,378,000,000");
        assert_eq!(quoted("\u{1}"), "\"\\u0001\"");
    }
}
