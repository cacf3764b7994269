//! The worker of the built-in jobs on Lambda.

use functions::serve_worker::{dynamodb_client, serve};
use jobs::{Commands, builtin};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let dynamodb = dynamodb_client().await;
    serve(builtin(dynamodb, Commands::Refused)).await
}
