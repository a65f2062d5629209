//! `--user`: names and numbers of the image's own `/etc/passwd` and `/etc/group`.

use crate::failure::Failure;

/// Who the program runs as.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct User {
    /// `UID:GID[:GID…]`, as the kernel wants it.
    pub(crate) ids: String,
    /// The home directory.
    pub(crate) home: String,
}

/// Finds `USER[:GROUP]` in the two files' texts; nobody given means root.
pub(crate) fn find(wanted: Option<&str>, passwd: &str, group: &str) -> Result<User, Failure> {
    let (user, wanted_group) = wanted
        .unwrap_or("0")
        .split_once(':')
        .map_or((wanted.unwrap_or("0"), None), |(u, g)| (u, Some(g)));
    let entry = passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.len() >= 6 && (fields[0] == user || fields[2] == user));
    let unknown = |what: &str, name: &str, file: &str| {
        Failure::other(
            format!("the image has no {what} called {name}"),
            format!("Give a number, or add {file} with --file {file}"),
        )
    };
    let (name, uid, gid, home) = match &entry {
        Some(fields) => (
            fields[0],
            fields[2].to_string(),
            fields[3].to_string(),
            fields[5].to_string(),
        ),
        None if user.parse::<u32>().is_ok() => ("", user.to_string(), "0".to_string(), "/".to_string()),
        None => return Err(unknown("user", user, "/etc/passwd")),
    };
    let groups: Vec<Vec<&str>> = group.lines().map(|line| line.split(':').collect()).collect();
    if let Some(wanted) = wanted_group {
        let found = groups
            .iter()
            .find(|fields| fields.len() >= 3 && fields[0] == wanted)
            .map(|fields| fields[2].to_string());
        let number = wanted.parse::<u32>().ok().map(|number| number.to_string());
        let gid = found.or(number).ok_or_else(|| unknown("group", wanted, "/etc/group"))?;
        return Ok(User {
            ids: format!("{uid}:{gid}"),
            home,
        });
    }
    let others = groups.iter().filter(|fields| {
        fields.len() >= 4 && fields[2] != gid && !name.is_empty() && fields[3].split(',').any(|member| member == name)
    });
    let ids = others.fold(format!("{uid}:{gid}"), |ids, fields| format!("{ids}:{}", fields[2]));
    Ok(User { ids, home })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1001::/home/ann:/bin/sh\n";
    const GROUP: &str = "root:x:0:\nann:x:1001:\naudio:x:29:bob,ann\n";

    #[test]
    fn names_numbers_and_groups() {
        let ids = |wanted| find(wanted, PASSWD, GROUP).unwrap().ids;
        assert_eq!(ids(None), "0:0");
        assert_eq!(ids(Some("ann")), "1000:1001:29");
        assert_eq!(ids(Some("1000:audio")), "1000:29");
        assert_eq!(ids(Some("77")), "77:0");
        assert_eq!(find(Some("ann"), PASSWD, GROUP).unwrap().home, "/home/ann");
        assert!(find(Some("eve"), PASSWD, GROUP).is_err() && find(Some("ann:x"), PASSWD, GROUP).is_err());
    }
}
