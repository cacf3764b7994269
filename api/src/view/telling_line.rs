//! The line of a message that says most.

/// How the messages of `exec` begin.
const COMMAND: &str = "the command ";

/// One line of a message, by which failures are counted. Of a command's standard error that is the last line: a traceback ends with its
/// error, and begins with what is the same for every segment.
#[must_use]
pub fn telling_line(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let last = message.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    match message.split_once(": ") {
        Some((end, _)) if message.starts_with(COMMAND) && last != first.trim() => format!("{end}: {last}"),
        _ => first.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_traceback_the_last_line_is_shown() {
        let traceback = "the command ended with exit code 1: Traceback (most recent call last):\n  File \"job.py\", line 3\nValueError: bad row\n";
        assert_eq!(telling_line(traceback), "the command ended with exit code 1: ValueError: bad row");
        assert_eq!(
            telling_line("the command ended with exit code 2: no disk"),
            "the command ended with exit code 2: no disk"
        );
        assert_eq!(telling_line("no such customer\nin table c"), "no such customer");
    }
}
