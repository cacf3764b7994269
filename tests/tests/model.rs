//! The protocol, explored to its end.

use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model};
use system_tests::model::{Config, Faults, Mutation, Nature, System, Way};

const GOOD: Nature = Nature::Good;
const BAD: Nature = Nature::Bad;

#[test]
fn try_it() {
    let no = Faults::default();
    let redrive = || Config { redrives: 1, ..Config::begun(&[&[BAD, GOOD], &[BAD]]) };
    let configs = [
        ("plain", Config::begun(&[&[GOOD, GOOD], &[GOOD]])),
        ("redrive, no faults", redrive()),
        ("redrive, crash", Config { faults: Faults { crashes: 1, ..no }, ..redrive() }),
    ];
    for (name, config) in configs {
        let began = Instant::now();
        let system = System::new(config);
        let reached = system.reached.clone();
        let checker = system
            .checker()
            .threads(2)
            .finish_when(HasDiscoveries::AnyFailures)
            .timeout(Duration::from_secs(60))
            .spawn_dfs()
            .join();
        println!(
            "{name}: {} states, {} steps, depth {}, {:.1} s, done {}",
            checker.unique_state_count(),
            checker.state_count(),
            checker.max_depth(),
            began.elapsed().as_secs_f64(),
            checker.is_done()
        );
        println!("  {:?}", reached.ways());
        for (name, path) in checker.discoveries() {
            println!("  {name}");
            for action in path.clone().into_actions() {
                println!("    {action:?}");
            }
            println!("    {:?}", path.last_state());
        }
    }
    let _ = (Mutation::FoldTwice, Way::Leased);
}
