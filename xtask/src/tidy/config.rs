//! `tidy.toml`: the exceptions from the rules, each with its reason.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// What `tidy.toml` says.
#[derive(Default)]
pub(super) struct Config {
    /// Crates that may use unsafe code, with the reason.
    pub(super) unsafe_crates: BTreeMap<String, String>,
    /// How many times each crate uses it.
    pub(super) unsafe_counts: BTreeMap<String, usize>,
    /// Files that may be longer than the limit, with their own limit.
    pub(super) long_files: BTreeMap<String, usize>,
    /// Dependencies within one floor: from a crate to the crates that it may use.
    pub(super) sideways: BTreeMap<String, Vec<String>>,
}

impl Config {
    /// Reads the file. An exception without a reason is an error.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let table: Table = text.parse().map_err(|error| format!("{error}"))?;
        let mut config = Self::default();
        for (name, reason) in section(&table, "unsafe")? {
            let reason = reason
                .as_str()
                .ok_or_else(|| format!("[unsafe] {name}: the value is the reason"))?;
            config.unsafe_crates.insert(name.clone(), reason.to_owned());
        }
        for (name, count) in section(&table, "unsafe-uses")? {
            config.unsafe_counts.insert(name.clone(), number(count, name)?);
        }
        for (path, entry) in section(&table, "long-files")? {
            reason(entry, path)?;
            let lines = entry
                .get("lines")
                .ok_or_else(|| format!("{path}: `lines` is missing"))?;
            config.long_files.insert(path.clone(), number(lines, path)?);
        }
        for (name, entry) in section(&table, "sideways")? {
            reason(entry, name)?;
            let to = entry
                .get("to")
                .and_then(Value::as_array)
                .ok_or_else(|| format!("{name}: `to` is missing"))?;
            let to = to.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            config.sideways.insert(name.clone(), to);
        }
        Ok(config)
    }
}

fn section<'a>(table: &'a Table, name: &str) -> Result<Vec<(&'a String, &'a Value)>, String> {
    match table.get(name) {
        None => Ok(Vec::new()),
        Some(Value::Table(section)) => Ok(section.iter().collect()),
        Some(_) => Err(format!("[{name}] has to be a table")),
    }
}

fn number(value: &Value, name: &str) -> Result<usize, String> {
    let number = value.as_integer().and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| format!("{name}: the value is a number"))
}

fn reason(entry: &Value, name: &str) -> Result<(), String> {
    let reason = entry.get("reason").and_then(Value::as_str).unwrap_or("");
    if reason.trim().is_empty() {
        Err(format!("{name}: `reason` is missing"))
    } else {
        Ok(())
    }
}

/// The file with the section `[unsafe-uses]`, its last one, written anew.
pub(super) fn with_counts(text: &str, counts: &BTreeMap<String, usize>) -> String {
    let head = "[unsafe-uses]\n";
    let kept = text.find(head).map_or(text, |at| &text[..at]);
    let mut fixed = format!("{}\n\n{head}", kept.trim_end());
    for (name, count) in counts {
        fixed.push_str(&format!("{name} = {count}\n"));
    }
    fixed
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Config, with_counts};

    #[test]
    fn exceptions_are_read() {
        let text = "[unsafe]\na = \"talks to the machine\"\n[sideways]\nb = { to = [\"c\"], reason = \"stands on it\" }\n\
                    [long-files]\n\"x/y.rs\" = { lines = 900, reason = \"a table\" }\n[unsafe-uses]\na = 3\n";
        let config = Config::parse(text).unwrap();
        assert!(config.unsafe_crates.contains_key("a"));
        assert_eq!(config.sideways["b"], ["c"]);
        assert_eq!(config.long_files["x/y.rs"], 900);
        assert_eq!(config.unsafe_counts["a"], 3);
    }

    #[test]
    fn an_exception_needs_a_reason() {
        assert!(Config::parse("[sideways]\nb = { to = [\"c\"] }\n").is_err());
        assert!(Config::parse("[long-files]\n\"x.rs\" = { lines = 900, reason = \" \" }\n").is_err());
    }

    #[test]
    fn fixing_the_counts_keeps_the_rest() {
        let text = "# Why.\n[unsafe]\na = \"r\"\n\n[unsafe-uses]\na = 3\nb = 4\n";
        let fixed = with_counts(text, &BTreeMap::from([("a".to_owned(), 5)]));
        assert_eq!(fixed, "# Why.\n[unsafe]\na = \"r\"\n\n[unsafe-uses]\na = 5\n");
    }
}
