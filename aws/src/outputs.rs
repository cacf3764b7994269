//! What a stack says of its parts: its outputs, by the names that `infra/template.yaml` gives them.

use std::collections::HashMap;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_cloudformation::types::Output;
use engine::Transport;

use crate::error::DeployedError;

/// The parts of a stack that this crate works with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outputs {
    /// The control table's name.
    pub control_table: String,
    /// The segment stream, or the segment queue.
    pub transport: Transport,
    /// The bus of the completion events.
    pub completion_bus: String,
    /// The scatter function's ARN.
    pub scatter_function: String,
    /// The sweeper function's ARN.
    pub sweeper_function: String,
}

impl Outputs {
    /// Asks `CloudFormation`.
    ///
    /// # Errors
    /// When there is no such stack, it may not be asked, or it is not one of this project's.
    pub async fn of(client: &Client, stack: &str) -> Result<Self, DeployedError> {
        let described = client.describe_stacks().stack_name(stack).send().await;
        let described = described.map_err(|error| {
            // CloudFormation has no error of its own for a name without a stack.
            let is_missing = error.code() == Some("ValidationError")
                && error.message().is_some_and(|message| message.contains("does not exist"));
            if is_missing {
                DeployedError::Missing { stack: stack.to_owned() }
            } else {
                let passes = passes(&error);
                DeployedError::Describe { stack: stack.to_owned(), passes, source: Box::new(error.into()) }
            }
        })?;
        let found = described.stacks().first().ok_or_else(|| DeployedError::Missing { stack: stack.to_owned() })?;
        Self::read(stack, found.outputs())
    }

    fn read(stack: &str, outputs: &[Output]) -> Result<Self, DeployedError> {
        let mut values: HashMap<&str, &str> = outputs
            .iter()
            .filter_map(|output| Some((output.output_key()?, output.output_value()?)))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        // A stack has the one output or the other, by its parameter `Transport`.
        let queue = values.remove("SegmentQueueUrl").map(ToOwned::to_owned);
        let mut take = |output: &'static str| {
            let value = values.remove(output).map(ToOwned::to_owned);
            value.ok_or_else(|| DeployedError::Foreign { stack: stack.to_owned(), output })
        };
        Ok(Self {
            control_table: take("ControlTableName")?,
            transport: match queue {
                Some(url) => Transport::Sqs(url),
                None => Transport::Kinesis(take("SegmentStreamName")?),
            },
            completion_bus: take("CompletionBusName")?,
            scatter_function: take("ScatterFunctionArn")?,
            sweeper_function: take("SweeperFunctionArn")?,
        })
    }
}

/// Whether it was the way there that failed, and not the answer.
fn passes<E, R>(error: &SdkError<E, R>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
        SdkError::DispatchFailure(failure) => failure.is_io() || failure.is_timeout(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(key: &str, value: &str) -> Output {
        Output::builder().output_key(key).output_value(value).build()
    }

    fn is_queue(output: &Output) -> bool {
        output.output_key() == Some("SegmentQueueUrl")
    }

    fn all() -> Vec<Output> {
        [
            ("ControlTableName", "table"),
            ("SegmentStreamName", "stream"),
            ("CompletionBusName", "bus"),
            ("ScatterFunctionArn", "arn:scatter"),
            ("SweeperFunctionArn", "arn:sweeper"),
            ("WorkerPolicyArn", "arn:policy"),
            ("SegmentQueueUrl", "https://sqs/queue"),
        ]
        .map(|(key, value)| output(key, value))
        .into()
    }

    #[test]
    fn the_outputs_of_the_template_are_all_that_is_needed() {
        let outputs = Outputs::read("nightly", &all()).unwrap();
        assert_eq!(outputs.transport, Transport::Sqs("https://sqs/queue".to_owned()));
        let without_queue: Vec<Output> = all().into_iter().filter(|output| !is_queue(output)).collect();
        let of_stream = Outputs::read("nightly", &without_queue).unwrap();
        assert_eq!(of_stream.transport, Transport::Kinesis("stream".to_owned()));
        assert_eq!((outputs.control_table.as_str(), outputs.sweeper_function.as_str()), ("table", "arn:sweeper"));
        // The template is where they come from: a renamed output is noticed here, and not by a user.
        let template = include_str!("../../infra/template.yaml");
        let (_, declared) = template.split_once("\nOutputs:\n").unwrap();
        for output in all() {
            let line = format!("\n  {}:\n", output.output_key().unwrap());
            assert!(format!("\n{declared}").contains(&line), "{line}");
        }
    }

    #[test]
    fn a_stack_of_another_template_is_refused_by_name() {
        let outputs: Vec<Output> = all().into_iter().skip(1).collect();
        let error = Outputs::read("website", &outputs).unwrap_err();
        assert!(!error.is_retryable());
        let message = error.to_string();
        assert!(message.contains("website") && message.contains("ControlTableName"), "{message}");
    }
}
