//! The worker of the built-in jobs on Lambda.

use worker::builtin::{Commands, builtin};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let dynamodb = worker::dynamodb_client().await;
    worker::serve(builtin(dynamodb, Commands::Refused)).await
}
