//! Whatever tasks playbooks list and need of one another: a plan that is made is acyclic and keeps
//! every rule, and otherwise it is said why there is none.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use codegod_protocol::plan;
use codegod_protocol::task::TaskKind;
use codegod_reasoner::planner::{self, Misfit, PlanFailure};
use codegod_reasoner::playbook::Library;
use proptest::prelude::*;

const TASKS: usize = 6;

/// Which task needs which: number, need, whether it is optional. Need [`TASKS`] is nobody's.
fn needs() -> impl Strategy<Value = Vec<(usize, usize, bool)>> {
    proptest::collection::vec((0..TASKS, 0..=TASKS, any::<bool>()), 0..9)
}

fn playbook(needs: &[(usize, usize, bool)], left_out: usize) -> String {
    let mut text = "name = \"one\"\nversion = 1\nsummary = \"s\"\n".to_owned();
    text.push_str("[stack]\nside = \"backend\"\nname = \"one\"\nwords = [\"one\"]\nlabel = \"One\"\n");
    for task in 0..TASKS {
        let mut mine = BTreeSet::new();
        let needs: Vec<String> = needs
            .iter()
            .filter(|(of, need, _)| *of == task && mine.insert(*need))
            .map(|(_, need, optional)| {
                format!("{:?}", format!("k{need}{}", if *optional { "?" } else { "" }))
            })
            .collect();
        let when = if task == left_out { "false" } else { "true" };
        write!(
            text,
            "[[tasks]]\nkey = \"k{task}\"\nrole = \"testing\"\ntitle = \"t{task}\"\nproblem = \"p\"\n\
             approach = \"a\"\nwhen = \"{when}\"\nneeds = [{}]\n\
             [[tasks.validate]]\ntitle = \"v\"\naction = {{ action = \"check_syntax\", path = \"{task}\" }}\n",
            needs.join(", ")
        )
        .unwrap();
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn every_plan_keeps_the_rules(needs in needs(), left_out in 0..=TASKS) {
        let folder = tempfile::TempDir::new().unwrap();
        fs::create_dir(folder.path().join("one")).unwrap();
        fs::write(folder.path().join("one/playbook.toml"), playbook(&needs, left_out)).unwrap();
        let library = Library::load(&[folder.path().to_owned()]);
        prop_assert_eq!(&library.problems, &[]);
        match planner::plan(&crate::common::goal("Build"), &crate::common::intent(Some("one"), None, &[]), &library) {
            Ok(plan) => {
                prop_assert_eq!(plan::check(&plan.tasks).map(drop), Ok(()));
                let numbers: Vec<u32> = plan.tasks.iter().map(|task| task.id.number()).collect();
                prop_assert_eq!(&numbers, &(1..=u32::try_from(plan.tasks.len()).unwrap()).collect::<Vec<_>>());
                for task in &plan.tasks {
                    // Numbered after all that it needs.
                    prop_assert!(task.needs.iter().all(|need| need.number() < task.id.number()));
                }
                let (closing, others) = plan.tasks.split_last().unwrap();
                prop_assert_eq!(closing.kind, TaskKind::Verification);
                prop_assert_eq!(closing.procedure.validate.len(), others.len());
                let needed = |id| plan.tasks.iter().any(|task| task.needs.contains(id));
                prop_assert!(others.iter().all(|task| needed(&task.id)));
            }
            Err(PlanFailure::Misfit(Misfit::Circle(keys))) => prop_assert!(!keys.is_empty()),
            Err(PlanFailure::Misfit(Misfit::UnknownNeed { need, .. })) => {
                let absent = [format!("k{TASKS}"), format!("k{left_out}")];
                prop_assert!(absent.contains(&need));
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}
