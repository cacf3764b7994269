//! The log: a line of JSON an event, with the fields of its spans beside its own.
//!
//! So a query asks for `execution_id = "…"` over the logs of all functions. Lambda's own JSON format has the same names for the moment,
//! the level and the message.

use std::fmt::{self, Debug};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, fmt as subscriber};

/// The log, written there, at the level that the environment says.
pub(crate) fn layer<S, W>(writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| std::env::var("RUST_LOG")).ok();
    of_level(writer, level.as_deref())
}

fn of_level<S, W>(writer: W, level: Option<&str>) -> impl Layer<S> + use<S, W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // Lambda's most silent level is one that tracing does not have.
    let level = level.map_or("info", |level| if level.eq_ignore_ascii_case("fatal") { "error" } else { level });
    let filter: Targets = level.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    subscriber::layer().fmt_fields(JsonFields::new()).event_format(Flat).with_writer(writer).with_filter(filter)
}

/// Writes an event as one flat object. Where names meet, the inner span's field wins, and the event's own over both.
struct Flat;

impl<S, N> FormatEvent<S, N> for Flat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = Line::default();
        for span in context.event_scope().into_iter().flat_map(tracing_subscriber::registry::Scope::from_root) {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                line.fields.extend(serde_json::from_str::<Map<String, Value>>(fields).unwrap_or_default());
            }
        }
        event.record(&mut line);
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        line.set("timestamp", timestamp);
        line.set("level", event.metadata().level().as_str());
        line.set("target", event.metadata().target());
        writeln!(out, "{}", Value::Object(line.fields))
    }
}

#[derive(Default)]
struct Line {
    fields: Map<String, Value>,
}

impl Line {
    fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.fields.insert(name.to_owned(), value.into());
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field.name(), format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: Option<&str>, events: impl FnOnce()) -> Vec<Value> {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::registry().with(of_level(move || writer.clone(), level));
        tracing::subscriber::with_default(subscriber, events);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn the_fields_of_the_spans_are_beside_those_of_the_event() {
        let lines = logged(None, || {
            let invocation = tracing::info_span!("invocation", request_id = "r-1").entered();
            let span =
                tracing::info_span!("segment", execution_id = "e-1", segment = 7, attempt = tracing::field::Empty);
            let segment = span.entered();
            segment.record("attempt", 2);
            tracing::warn!(kind = "Retryable", retry = true, "failed, and will be retried");
            drop((segment, invocation));
            tracing::info!("by itself");
        });
        let [in_spans, alone] = lines.as_slice() else { panic!("{lines:?}") };
        for (name, value) in [
            ("request_id", Value::from("r-1")),
            ("execution_id", "e-1".into()),
            ("segment", 7.into()),
            ("attempt", 2.into()),
            ("kind", "Retryable".into()),
            ("retry", true.into()),
            ("level", "WARN".into()),
            ("message", "failed, and will be retried".into()),
            ("target", "scatter_gather_functions::logs::tests".into()),
        ] {
            assert_eq!(in_spans[name], value, "{name} of {in_spans}");
        }
        assert!(in_spans["timestamp"].as_str().unwrap().ends_with('Z'), "{in_spans}");
        assert_eq!(alone["message"], "by itself");
        assert_eq!(alone.as_object().unwrap().len(), 4, "{alone}");
    }

    #[test]
    fn the_level_is_info_unless_it_is_said() {
        let events = || {
            tracing::debug!("debug");
            tracing::info!("info");
            tracing::error!("error");
        };
        let messages = |level: Option<&str>| -> Vec<Value> {
            logged(level, events).into_iter().map(|line| line["message"].clone()).collect()
        };
        assert_eq!(messages(None), ["info", "error"]);
        assert_eq!(messages(Some("DEBUG")), ["debug", "info", "error"]);
        assert_eq!(messages(Some("WARN")), ["error"]);
        assert_eq!(messages(Some("FATAL")), ["error"]);
        assert_eq!(messages(Some("info,scatter_gather_functions=error")), ["error"]);
    }
}
