//! The tests of a part: its sources are prepared, its own tests run, their reports are read, and what failed
//! is diagnosed. Failing tests are never hidden: they are what the run gave.

use codegod_protocol::action::TestsExpected;
use codegod_protocol::evidence::TestCounts;
use codegod_protocol::setup::{Setup, TestOutcome};
use codegod_protocol::task::TaskKind;
use codegod_reasoner::diagnosis::Failure;
use codegod_reasoner::setup;

use super::diagnose::{self, Next};
use super::outcome::{Ran, run_all};
use crate::actions::Outcome;
use crate::bench::{Bench, Proposal};
use crate::error::Error;

pub(in crate::actions) async fn test_part(
    bench: &mut Bench<'_>,
    part: &str,
    expect: TestsExpected,
) -> Result<Outcome, Error> {
    let mut setup = bench.setup(part)?;
    if bench.context.task.kind == TaskKind::Verification
        && expect != TestsExpected::AsBefore
        && let Some(stuck) = &setup.stuck
    {
        // They would not run again, and some hang until their deadline.
        return Ok(Outcome::said(format!("test {part}"), false, stuck.clone()));
    }
    let mut ran = run_all(bench, &setup).await?;
    // The closing verification repeats; it mends nothing.
    if bench.context.task.kind == TaskKind::Verification {
        return Ok(judged(ran, &setup, expect));
    }
    setup.outcome = ran.outcome();
    if !ran.is_clean() {
        match next(bench, &setup, &ran).await? {
            Next::Try { mut next, diagnosis, also } => {
                diagnose::told(bench, part, &diagnosis, &also);
                next.best = best_of(setup);
                next.outcome = None;
                bench.propose(Proposal { diagnosis, next: *next });
                return Ok(ran.refused("it is mended first, then the tests run again"));
            }
            Next::Person(diagnoses) => {
                if let Some(best) = setup.best.take().filter(|best| passed(best) > passed(&setup)) {
                    (setup, ran) = go_back(bench, *best, &setup).await?;
                }
                for diagnosis in &diagnoses {
                    bench.diagnosed(part, diagnosis, "");
                }
                ran.believed = diagnoses.first().map(|diagnosis| diagnosis.believes.clone());
            }
        }
    }
    setup.best = None;
    setup.stuck = ran.stuck().filter(|_| !setup.tests.is_empty());
    let outcome = match &setup.stuck {
        // What was reached is written down all the same; the closing verification fails for it.
        Some(stuck) if expect == TestsExpected::Run => {
            let said = format!("{stuck}; the environment is kept");
            ran.accepted(&said)
        }
        Some(_) | None => judged(ran, &setup, expect),
    };
    bench.keep_setup(setup);
    Ok(outcome)
}

async fn next(bench: &mut Bench<'_>, setup: &Setup, ran: &Ran) -> Result<Next, Error> {
    let output = ran.said();
    let failure =
        Failure { stage: ran.stage, command: &ran.command(), exit_code: ran.exit_code, output: &output };
    diagnose::next(bench, setup, &failure).await
}

fn passed(setup: &Setup) -> Option<u64> {
    setup.outcome.map(|outcome| outcome.counts.passed)
}

/// The better of a setup and the best before it: the one with more tests that pass.
fn best_of(mut setup: Setup) -> Option<Box<Setup>> {
    let before = setup.best.take();
    match before {
        Some(before) if passed(&before) >= passed(&setup) => Some(before),
        Some(_) | None => Some(Box::new(setup)),
    }
}

/// What was tried since made it worse: the best earlier setup is what stands.
async fn go_back(bench: &mut Bench<'_>, best: Setup, worse: &Setup) -> Result<(Setup, Ran), Error> {
    bench.context.journal.say("what was tried made it no better; the setup before stands");
    let mut setup = best;
    setup.revision = worse.revision + 1;
    setup.tried.clone_from(&worse.tried);
    bench.use_recipe(setup::recipe(&setup)).await?;
    let ran = run_all(bench, &setup).await?;
    setup.outcome = ran.outcome();
    Ok((setup, ran))
}

/// What a run is worth.
fn judged(ran: Ran, setup: &Setup, expect: TestsExpected) -> Outcome {
    if setup.tests.is_empty() && ran.exit_code == 0 {
        return match expect {
            TestsExpected::Run | TestsExpected::AsBefore => ran.accepted("it has no tests"),
            TestsExpected::Pass => ran.refused("no tests were found, so nothing shows that it works"),
        };
    }
    match (ran.objection.clone(), &setup.stuck) {
        (Some(objection), Some(_)) if expect == TestsExpected::AsBefore => {
            return ran.accepted(&format!("{objection}, as claimed"));
        }
        (Some(objection), _) => return ran.refused(&objection),
        (None, _) => {}
    }
    let counts = ran.counts.unwrap_or_default();
    let said = sentence(counts);
    match expect {
        TestsExpected::Run => ran.accepted(&said),
        TestsExpected::Pass if counts.failed > 0 => ran.refused(&said),
        TestsExpected::Pass if ran.exit_code != 0 => {
            let said = format!("{said}, but the runner ended with exit code {}", ran.exit_code);
            ran.refused(&said)
        }
        TestsExpected::Pass => ran.accepted(&said),
        TestsExpected::AsBefore => match setup.outcome {
            Some(before) if is_kept(before, TestOutcome { counts, exit_code: ran.exit_code }) => {
                let said = format!("{said}, exit code {}, as claimed", ran.exit_code);
                ran.accepted(&said)
            }
            Some(before) => {
                let claimed = format!("{}, exit code {}", sentence(before.counts), before.exit_code);
                let said = format!("{said}, exit code {}; claimed were {claimed}", ran.exit_code);
                ran.refused(&said)
            }
            None => ran.refused(&format!("{said}; nothing was claimed of them")),
        },
    }
}

/// Whether a run shows what was claimed: that the tests pass, or that they fail much as they did. Some runners
/// end with the number of failed tests.
fn is_kept(claimed: TestOutcome, now: TestOutcome) -> bool {
    (claimed.exit_code == 0) == (now.exit_code == 0) && is_alike(claimed.counts, now.counts)
}

/// Whether a run that had failed tests before gave much the same: tests about time or load fail now and then.
fn is_alike(before: TestCounts, now: TestCounts) -> bool {
    now.passed.saturating_add((before.passed / 20).max(3)) >= before.passed && now.passed > 0 || now == before
}

fn sentence(counts: TestCounts) -> String {
    let TestCounts { passed, failed, skipped } = counts;
    format!("{passed} passed, {failed} failed, {skipped} skipped")
}

/// Whether a verification's run gave much what the testing agent's run had given.
pub(crate) fn as_before(setup: &Setup, counts: Option<TestCounts>) -> bool {
    match (setup.outcome, counts) {
        (Some(TestOutcome { counts: before, .. }), Some(now)) => {
            before == now || before.failed > 0 && is_alike(before, now)
        }
        (None, None) => setup.stuck.is_some(),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_run_is_as_before_when_about_as_many_tests_pass() {
        let counts = |passed, failed| TestCounts { passed, failed, ..Default::default() };
        assert!(is_alike(counts(193, 5), counts(194, 4)));
        assert!(is_alike(counts(193, 5), counts(186, 12)));
        assert!(is_alike(counts(0, 3), counts(0, 3)));
        assert!(!is_alike(counts(193, 5), counts(100, 98)));
        assert!(!is_alike(counts(2, 1), counts(0, 3)));
    }

    #[test]
    fn tests_that_were_claimed_to_pass_must_pass() {
        let outcome = |passed, failed, exit_code| TestOutcome {
            counts: TestCounts { passed, failed, ..Default::default() },
            exit_code,
        };
        assert!(is_kept(outcome(100, 0, 0), outcome(100, 0, 0)));
        assert!(is_kept(outcome(193, 5, 5), outcome(194, 4, 4)));
        assert!(!is_kept(outcome(100, 0, 0), outcome(99, 1, 1)));
        assert!(!is_kept(outcome(99, 1, 1), outcome(100, 0, 0)));
    }
}
