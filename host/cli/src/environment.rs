//! The program's environment: docker's defaults, then files, then single variables, each overriding what came before.

use std::fs;
use std::path::PathBuf;

use crate::failure::Failure;

/// Where programs are looked for in the guest unless `-e PATH=…` says otherwise.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Variables in the order in which they were first set.
#[derive(Debug, Default, Clone)]
pub(crate) struct Environment(Vec<(String, String)>);

impl Environment {
    /// Reads back `NAME=VALUE` pairs.
    pub(crate) fn from_pairs(pairs: &[String]) -> Environment {
        let mut environment = Environment::default();
        pairs
            .iter()
            .filter_map(|pair| pair.split_once('='))
            .for_each(|(name, value)| environment.set(name, value));
        environment
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(old, _)| old == name) {
            Some((_, old)) => *old = value.to_string(),
            None => self.0.push((name.to_string(), value.to_string())),
        }
    }

    pub(crate) fn set_default(&mut self, name: &str, value: &str) {
        if self.get(name).is_none() {
            self.set(name, value);
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(old, _)| old == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn pairs(&self) -> Vec<String> {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    /// Applies `--env-file` and `-e`.
    pub(crate) fn apply(&mut self, files: &[PathBuf], variables: &[String]) -> Result<(), Failure> {
        for file in files {
            let text = fs::read_to_string(file).map_err(|error| {
                Failure::other(
                    format!("cannot read {}: {}", file.display(), image::in_words(&error)),
                    "Check the path given to --env-file",
                )
            })?;
            text.lines()
                .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
                .try_for_each(|line| self.add(line))?;
        }
        variables.iter().try_for_each(|text| self.add(text))
    }

    fn add(&mut self, text: &str) -> Result<(), Failure> {
        let (name, value) = text
            .split_once('=')
            .map_or((text, None), |(name, value)| (name, Some(value)));
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(Failure::other(
                format!("{text:?} sets no variable"),
                "Write it as KEY=VALUE or KEY",
            ));
        }
        if let Some(value) = value.map(str::to_string).or_else(|| std::env::var(name).ok()) {
            self.set(name, &value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_values_win_and_bare_names_come_from_here() {
        let mut environment = Environment::default();
        environment.set_default("A", "default");
        environment
            .apply(
                &[],
                &[
                    "A=1".into(),
                    "A=2=3".into(),
                    "PATH".into(),
                    "NOT_SET_ANYWHERE_42".into(),
                ],
            )
            .unwrap();
        assert_eq!(environment.get("A"), Some("2=3"));
        assert_eq!(environment.get("PATH").map(str::to_string), std::env::var("PATH").ok());
        assert_eq!(environment.pairs().len(), 2);
        assert!(environment.apply(&[], &["=x".into()]).is_err());
    }
}
