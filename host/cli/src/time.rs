//! Times for people, in UTC.

const DAY: i64 = 86_400;

/// `2026-01-01 00:00` for seconds since 1970.
pub(crate) fn minutes(seconds: i64) -> String {
    let (year, month, day) = date(seconds.div_euclid(DAY));
    let rest = seconds.rem_euclid(DAY) / 60;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", rest / 60, rest % 60)
}

/// Year, month and day of a number of days since 1970, counted in years that begin in March, so that the leap day is last.
fn date(days: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097;
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::minutes;

    #[test]
    fn known_times() {
        assert_eq!(minutes(0), "1970-01-01 00:00");
        assert_eq!(minutes(951_827_640), "2000-02-29 12:34");
        assert_eq!(minutes(1_767_225_600), "2026-01-01 00:00");
        assert_eq!(minutes(-60), "1969-12-31 23:59");
    }
}
