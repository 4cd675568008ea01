//! Problems that are no rules: what is wrong with the text itself. And the names that AutoSkillit 0.9 has for what is told under
//! another name here.

use super::rule::{Rule, rule, rules};

/// What a problem that no rule finds is about.
#[derive(Debug)]
pub struct Code {
    /// Its name.
    pub id: &'static str,
    /// What it says.
    pub meaning: &'static str,
    /// What to do about it.
    pub mend: &'static str,
}

/// A name of AutoSkillit 0.9.
#[derive(Debug)]
pub struct Alias {
    /// The name.
    pub id: &'static str,
    /// The rule or the problem here.
    pub means: &'static str,
    /// What it was about.
    pub meaning: &'static str,
    /// Recipes, as in [`Rule`], in which it is found.
    pub bad: &'static [&'static str],
    /// Recipes in which nothing is.
    pub good: &'static [&'static str],
}

/// What a name means.
#[derive(Debug, Clone, Copy)]
pub enum Known {
    /// A rule.
    Rule(&'static Rule),
    /// A problem of the text.
    Code(&'static Code),
}

impl Known {
    /// The name that findings have.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.id,
            Self::Code(code) => code.id,
        }
    }
}

/// What `id` means: a rule's name, a problem's, or one of AutoSkillit 0.9.
#[must_use]
pub fn known(id: &str) -> Option<Known> {
    let id = alias(id).map_or(id, |alias| alias.means);
    let code = || CODES.iter().find(|code| code.id == id).map(Known::Code);
    rule(id).map(Known::Rule).or_else(code)
}

/// What AutoSkillit 0.9 means by `id`, when that has another name here.
#[must_use]
pub fn alias(id: &str) -> Option<&'static Alias> {
    ALIASES.iter().find(|alias| alias.id == id)
}

/// Every name that [`known`] knows.
pub fn names() -> impl Iterator<Item = &'static str> {
    let codes = CODES.iter().map(|code| code.id);
    rules().map(|rule| rule.id).chain(codes).chain(ALIASES.iter().map(|alias| alias.id))
}

/// The names of AutoSkillit 0.9 that are others here.
pub static ALIASES: &[Alias] = &[
    Alias {
        id: "undeclared-capture-key",
        means: "unknown-reference",
        meaning: "A step captures an output that its skill does not declare.",
        bad: &[
            "steps:\n  a:\n    skill: make-plan\n    capture: {x: \"${{ result.other }}\"}\n    on_success: b\n  b: {action: stop, message: \"${{ context.x }}\"}\n",
        ],
        good: &[
            "steps:\n  a:\n    skill: make-plan\n    capture: {x: \"${{ result.plan_path }}\"}\n    on_success: b\n  b: {action: stop, message: \"${{ context.x }}\"}\n",
        ],
    },
    Alias {
        id: "skip-when-false-undeclared",
        means: "unknown-reference",
        meaning: "`skip_when_false` asks for an ingredient that is not declared.",
        bad: &["steps:\n  a: {tool: test_check, skip_when_false: inputs.flag, on_success: done}\n"],
        good: &[
            "ingredients:\n  flag: {default: \"true\"}\nsteps:\n  a: {tool: test_check, skip_when_false: inputs.flag, on_success: done}\n",
        ],
    },
    Alias {
        id: "dead-with-param",
        means: "unknown-parameter",
        meaning: "A step gives its tool a parameter that the tool does not have.",
        bad: &["steps:\n  a: {tool: test_check, with: {verbose: true}, on_success: done}\n"],
        good: &["steps:\n  a: {tool: test_check, with: {worktree_path: ../w}, on_success: done}\n"],
    },
    Alias {
        id: "model-on-non-skill-step",
        means: "misplaced-key",
        meaning: "A step that runs no session has a `model`.",
        bad: &["steps:\n  a: {tool: test_check, model: opus, on_success: done}\n"],
        good: &["steps:\n  a: {skill: repair-tests, model: opus, on_success: done}\n"],
    },
    Alias {
        id: "constant-step-with-args",
        means: "misplaced-key",
        meaning: "A constant has arguments.",
        bad: &["steps:\n  a: {constant: 1, with: {x: 1}, on_success: done}\n"],
        good: &["steps:\n  a: {constant: 1, on_success: done}\n"],
    },
    Alias {
        id: "shadowed-required-input",
        means: "missing-ingredient",
        meaning: "A skill is called without a required input that the recipe has at hand.",
        bad: &[
            "ingredients:\n  base_branch: {default: main}\nsteps:\n  merge:\n    skill: resolve-merge-conflicts\n    args: [../w, plan.md]\n    on_success: done\n",
        ],
        good: &[
            "ingredients:\n  base_branch: {default: main}\nsteps:\n  merge:\n    skill: resolve-merge-conflicts\n    args: [../w, plan.md, \"${{ inputs.base_branch }}\"]\n    on_success: done\n",
        ],
    },
    Alias {
        id: "write-behavior-consistency",
        means: "faulty-skill",
        meaning: "What a skill says about when it writes contradicts itself.",
        bad: &["steps:\n  a: {skill: faulty, on_success: done}\n"],
        good: &["steps:\n  a: {skill: repair-tests, on_success: done}\n"],
    },
    Alias {
        id: "research-output-mode-enum",
        means: "bad-default",
        meaning: "The default of an ingredient is none of its values; here, of any that has `choices`.",
        bad: &[
            "ingredients:\n  output_mode: {choices: [pr, local], default: both}\nsteps:\n  a: {action: stop, message: \"${{ inputs.output_mode }}\"}\n",
        ],
        good: &[
            "ingredients:\n  output_mode: {choices: [pr, local], default: pr}\nsteps:\n  a: {action: stop, message: \"${{ inputs.output_mode }}\"}\n",
        ],
    },
    Alias {
        id: "multipart-route-back",
        means: "multipart-iteration-notes",
        meaning: "No route leads back to the next part of a plan.",
        bad: &[],
        good: &[],
    },
    Alias {
        id: "multipart-glob-note",
        means: "multipart-iteration-notes",
        meaning: "A note does not say how the parts of a plan are found; here they are an output.",
        bad: &[],
        good: &[],
    },
    Alias {
        id: "multipart-sequential-kitchen-rule",
        means: "multipart-iteration-notes",
        meaning: "The house rules do not say that parts follow each other; here a loop says so.",
        bad: &[],
        good: &[],
    },
];

macro_rules! codes {
    ($($id:literal: $meaning:literal, $mend:literal;)*) => {
        /// Problems of the text, by name.
        pub static CODES: &[Code] = &[$(Code { id: $id, meaning: $meaning, mend: $mend }),*];
    };
}

codes! {
    "bad-default": "A default is not of the ingredient's type, not among its choices, or an expression.",
        "write a plain value that the ingredient can have";
    "bad-name": "A name of a step, a variable or an item cannot be used in routes and expressions.",
        "use letters, digits and `_`";
    "bad-output": "What a call takes out of a sub-recipe cannot be read there.",
        "name a variable of the sub-recipe, as `context.name`";
    "bad-value": "A value is not one of those that its key takes.",
        "write one of the values that the message names";
    "braces": "`${{ }}` stands around an expression that needs none.",
        "write the expression by itself";
    "capture-of-text": "A capture is a text that looks like the name of a value.",
        "write it as `${{ result.name }}`";
    "circular-sub-recipe": "A sub-recipe calls itself, by way of others or at once.",
        "make a loop of it, with `max_visits` and a route back";
    "dangling-route": "A route leads to a step that does not exist.",
        "correct the name, or add the step";
    "duplicate-key": "A key stands twice in one mapping.",
        "remove one of them";
    "empty-file": "The file has nothing in it.",
        "begin with `name:` and `steps:`";
    "env-not-allowed": "An expression reads a variable of the environment that recipes may not read.",
        "add it to `recipes.env` of the settings";
    "exclusive-keys": "Two keys stand together that mean different things.",
        "keep one of them";
    "expression": "A text is no expression of the language.",
        "mend it where the message points";
    "legacy-recipe": "The file is read as a recipe of AutoSkillit 0.9, because a form of it stands in it.",
        "say which language it is in, `language: 0` or `language: 1`; `autoskillit migrate` rewrites it";
    "legacy-shell": "Values in a shell text of a recipe of 0.9 are passed through variables instead.",
        "write `argv:`, or `| sh` behind each value";
    "merge-key": "`<<` stands in the file.",
        "write the keys out";
    "misplaced-key": "A key stands on a step that it means nothing on.",
        "remove it, or move it to the step that it is for";
    "missing-input": "A sub-recipe is called without an ingredient that it needs.",
        "add it under `inputs:` of the call";
    "missing-key": "A key that another one needs is not there.",
        "add it";
    "missing-parameter": "A tool is called without a parameter that it cannot do without.",
        "add it under `with:`";
    "name-mismatch": "The recipe and its file have different names.",
        "rename one of them";
    "no-effect": "A key stands where nothing reads it.",
        "remove it";
    "no-end": "No way through the recipe leads to an end.",
        "route to `done`, `escalate` or a stop step";
    "no-kind": "A step does not say what it does.",
        "give it one of `tool:`, `skill:`, `action:`, `for_each:`, `sub_recipe:` or `stop:`";
    "no-name": "The recipe has no name.",
        "write `name:` with the name of the file without `.yaml`";
    "no-reason": "An `allow:` does not say why the finding is right.",
        "give the reason behind the rule's name";
    "no-route": "A step does not say what follows it.",
        "add `on_success:` or `on_result:`; `on_success: done` ends the run";
    "no-steps": "The recipe has no steps.",
        "add `steps:` with at least one";
    "not-composable": "A step of a sub-recipe cannot become one of the recipe that calls it.",
        "read variables as `context.name`, not `context` as a whole";
    "not-executable": "The engine cannot do this; a session has to drive the recipe.",
        "write it in a form that the engine knows, or cook with `--orchestrator claude`";
    "not-utf8": "The file is no text in UTF-8.",
        "save it as UTF-8";
    "prose-routing": "A step of a recipe of 0.9 leaves what follows to whoever drives it.",
        "add `on_success:` or `on_result:`";
    "quoted-inside": "`| sh` stands where the quotes that it writes have no effect.",
        "remove the quotes around it, or pass the value through `env:`";
    "renamed-key": "A key has another name today.",
        "write the new one";
    "required-with-default": "An ingredient with a default is required, which means nothing.",
        "remove one of them";
    "reserved-word": "A word stands in the text that is kept for the program itself.",
        "write another word";
    "second-document": "A second document begins in the file.",
        "put it into a file of its own";
    "step-collision": "A sub-recipe brings a step whose name is taken.",
        "rename one of them";
    "step-name": "`step_name` is not the name of the step.",
        "remove it: the name is known";
    "sub-recipe-depth": "Sub-recipes call each other too deep.",
        "put some of them together";
    "syntax": "The file is no YAML.",
        "mend it where the message points";
    "tag": "A tag of YAML stands in the file.",
        "remove it";
    "too-large": "The file is larger than any recipe need be.",
        "move texts into files that steps read";
    "too-many-steps": "With its sub-recipes the recipe has more steps than can be checked.",
        "split it";
    "unknown-input": "A call gives a sub-recipe an ingredient that it does not have.",
        "correct the name, or remove it";
    "unknown-key": "A key is not part of the language.",
        "correct the name, or remove it";
    "unknown-output": "A call takes a variable out of a sub-recipe that the sub-recipe never sets.",
        "correct the name, or capture it there";
    "unknown-parameter": "A tool is given a parameter that it does not have.",
        "correct the name; docs/tools.md has all of them";
    "unknown-reference": "An expression reads something that is not declared, captured, or part of a result.",
        "correct the name, or declare it";
    "unknown-rule": "An `allow:` names a rule that does not exist.",
        "use the name that the finding shows";
    "unknown-sub-recipe": "A call names a sub-recipe that does not exist.",
        "correct the name, or write it to `.autoskillit/recipes/sub-recipes/`";
    "unquoted": "A value would become part of a shell text without quotes.",
        "write `| sh` behind it, or pass it through `argv:` or `env:`";
    "unreachable-route": "An entry of `on_result` comes after one that always holds.",
        "move it up, or remove it";
    "unreadable": "A file cannot be read.",
        "see to its permissions";
    "unused-allow": "An `allow:` allows nothing.",
        "remove it";
    "variable-collision": "A sub-recipe brings a variable whose name is taken.",
        "rename the variable, or the step that calls";
    "wrong-type": "A value is of another type than its key takes.",
        "write what the message asks for";
}
