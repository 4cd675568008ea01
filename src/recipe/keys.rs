//! The keys of a recipe file: the one table that the loader, the schema for editors, suggestions and the documentation are made from.

/// The keys of one kind of mapping.
#[derive(Debug)]
pub struct Table {
    /// What the mapping is, in the words of a message.
    pub what: &'static str,
    /// Keys without which it means nothing.
    pub required: &'static [&'static str],
    /// Its keys, in the order of the documentation.
    pub keys: &'static [Key],
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What its value may be.
    pub shape: Shape,
    /// What it is for, in a line.
    pub summary: &'static str,
    /// Whether only recipes of AutoSkillit 0.9 need it.
    pub legacy: bool,
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A text.
    Text,
    /// A text or a number.
    Scalar,
    /// 0 or 1.
    Language,
    /// `true` or `false`.
    Bool,
    /// A number that is not negative.
    Number,
    /// A share, from above 0 to 100.
    Percent,
    /// A whole number that is not negative.
    Count,
    /// A whole number from 1, or an expression.
    Bound,
    /// A list of texts.
    Texts,
    /// A list.
    List,
    /// Anything.
    Any,
    /// A mapping of names to values.
    Mapping,
    /// An expression.
    Condition,
    /// The name of a step, `done` or `escalate`.
    Target,
    /// A mapping of names to such.
    Targets,
    /// Seconds, or a text such as `10m`.
    Duration,
    /// A type of values.
    Kind,
    /// One of a few words.
    OneOf(&'static [&'static str]),
    /// A mapping with keys of its own.
    Table(&'static Table),
    /// Ingredients by name.
    Ingredients,
    /// Steps by name.
    Steps,
    /// Captures by name.
    Captures,
    /// Routes in order, or those of AutoSkillit 0.9.
    Routes,
    /// Rules with reasons.
    Reasons,
    /// A duration, or all of a back-off.
    Backoff,
    /// How an output is read.
    OutputsFrom,
}

impl Table {
    /// The names of its keys.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        self.keys.iter().map(|key| key.name)
    }

    /// Whether it has this key.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }
}

impl Shape {
    /// What a value may be, in words.
    #[must_use]
    pub fn words(self) -> String {
        let words = match self {
            Self::Text => "a text",
            Self::Scalar => "a text or a number",
            Self::Language => "`0` or `1`",
            Self::Bool => "`true` or `false`",
            Self::Number => "a number",
            Self::Percent => "per cent",
            Self::Count => "a whole number",
            Self::Bound => "a whole number, or `${{ }}`",
            Self::Texts => "a list of texts",
            Self::List => "a list",
            Self::Any => "any value",
            Self::Mapping => "values by name",
            Self::Condition => "an expression",
            Self::Target => "a step, `done` or `escalate`",
            Self::Targets => "steps by word",
            Self::Duration => "seconds, or `90s`, `10m`, `2h`",
            Self::Kind => "a type",
            Self::OneOf(all) => {
                return all.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            }
            Self::Table(table) => return format!("a mapping, see {}", table.what),
            Self::Ingredients => "ingredients by name",
            Self::Steps => "steps by name",
            Self::Captures => "captures by name",
            Self::Routes => "a list of routes",
            Self::Reasons => "reasons by rule",
            Self::Backoff => "a duration, or a mapping, see `backoff`",
            Self::OutputsFrom => "`json`, `kv`, `text`, or `{file: …}`",
        };
        words.to_owned()
    }
}

const fn key(name: &'static str, shape: Shape, summary: &'static str) -> Key {
    Key { name, shape, summary, legacy: false }
}

const fn legacy(name: &'static str, shape: Shape, summary: &'static str) -> Key {
    Key { name, shape, summary, legacy: true }
}

/// Every table, in the order of the documentation.
pub static TABLES: &[&Table] = &[
    &RECIPE,
    &INGREDIENT,
    &LIMITS,
    &STEP,
    &STOP,
    &ROUTE,
    &LEGACY_ROUTES,
    &CAPTURE,
    &ITEM,
    &RETRY,
    &BACKOFF,
    &POLL,
    &OUTPUTS,
];

/// The recipe itself.
pub static RECIPE: Table = Table {
    what: "a recipe",
    required: &["name", "steps"],
    keys: &[
        key("name", Shape::Text, "What people type; the same as the file's name without extension."),
        key(
            "language",
            Shape::Language,
            "1: the language of today. 0: that of AutoSkillit 0.9. Without it, the first form that only 0.9 has decides.",
        ),
        key("description", Shape::Text, "One sentence for lists."),
        key("summary", Shape::Text, "The chain of steps in a line."),
        key("autoskillit_version", Shape::Scalar, "The version that it was written for."),
        key(
            "kind",
            Shape::OneOf(&["standard", "campaign", "food-truck"]),
            "`standard`, `campaign` (it dispatches others) or `food-truck` (a campaign cooks it).",
        ),
        key("experimental", Shape::Bool, "Whether it may change or go away."),
        key("orchestrator", Shape::OneOf(&["engine", "claude"]), "Who drives a run: `engine` or `claude`."),
        key("ingredients", Shape::Ingredients, "What a run can be given."),
        legacy("inputs", Shape::Ingredients, "The same as `ingredients`, as AutoSkillit 0.9 had it once."),
        legacy("constraints", Shape::Texts, "The same as `kitchen_rules`, as AutoSkillit 0.9 had it once."),
        key("limits", Shape::Table(&LIMITS), "Limits over a whole run."),
        key("kitchen_rules", Shape::Texts, "House rules for a session that drives a run."),
        key("requires_packs", Shape::Texts, "Packs of tools and skills that must be enabled."),
        key("steps", Shape::Steps, "What happens; a run begins with the first."),
        key("finally", Shape::Steps, "Steps that run at every end."),
        key("allow", Shape::Reasons, "Findings of rules that are right here: rule and reason."),
    ],
};

/// `limits:`.
pub static LIMITS: Table = Table {
    what: "`limits`",
    required: &[],
    keys: &[
        key("budget_usd", Shape::Number, "US dollars over all sessions."),
        key("wall_clock", Shape::Duration, "Time from the start of the run."),
        key(
            "quota_share",
            Shape::Percent,
            "How much of each window of the account's plan the run may use, in per cent.",
        ),
        key("sessions", Shape::Count, "Number of sessions."),
        key("max_visits", Shape::Count, "Visits of any one step that states no bound of its own."),
        key(
            "same_failure",
            Shape::Count,
            "How often a step may fail in the same way although sessions worked in between (4); 0 for no bound.",
        ),
    ],
};

/// An ingredient.
pub static INGREDIENT: Table = Table {
    what: "an ingredient",
    required: &[],
    keys: &[
        key("description", Shape::Text, "What it is, for people."),
        key("required", Shape::Bool, "Whether a run cannot start without it."),
        key("default", Shape::Any, "The value when none is given."),
        key(
            "default_from",
            Shape::Text,
            "Where the value comes from when none is given: a setting, git, or what is found out about the project.",
        ),
        key("hidden", Shape::Bool, "Not shown in lists and never asked for."),
        key("type", Shape::Kind, "What a given text is read as."),
        key("choices", Shape::List, "The only values allowed."),
    ],
};

/// A step.
pub static STEP: Table = Table {
    what: "a step",
    required: &[],
    keys: &[
        key("description", Shape::Text, "What it is for, for people."),
        key("note", Shape::Text, "Free text for a session that drives the run; the engine does not read it."),
        key("tool", Shape::Text, "The tool that it calls."),
        key("with", Shape::Mapping, "Arguments of the tool, by name."),
        key("skill", Shape::Text, "The skill that a session runs."),
        key(
            "args",
            Shape::List,
            "Arguments of the skill, in the order of its inputs; an item may be `{when, value}`.",
        ),
        legacy("python", Shape::Text, "A callable, as AutoSkillit 0.9 had it."),
        key("constant", Shape::Any, "A value that is the step's result."),
        key("action", Shape::OneOf(&["route", "confirm", "stop"]), "`route`, `confirm`, or `stop`."),
        key("message", Shape::Text, "The question, or what people are told at the end."),
        key("options", Shape::Targets, "The answers of a question, each with the step that it leads to."),
        key("default", Shape::Any, "The answer when nobody is there."),
        key("timeout", Shape::Duration, "How long an answer is waited for."),
        key("stop", Shape::Table(&STOP), "Ends the run."),
        key(
            "status",
            Shape::OneOf(&["succeeded", "failed", "exhausted"]),
            "How an `action: stop` ends the run.",
        ),
        key("sub_recipe", Shape::Text, "The recipe that takes this step's place."),
        key("gate", Shape::Text, "The ingredient or expression that lets the sub-recipe in."),
        key("inputs", Shape::Mapping, "What the sub-recipe's ingredients are given."),
        key("outputs", Shape::Mapping, "Variables that are set from the sub-recipe's."),
        key("for_each", Shape::Any, "The list whose items the steps below `steps` run for."),
        key("as", Shape::Text, "The name of the item: `item.NAME`."),
        key("mode", Shape::OneOf(&["sequential", "parallel"]), "One item after the other, or side by side."),
        key("max_parallel", Shape::Bound, "How many items run side by side."),
        key("steps", Shape::Steps, "The body of a loop."),
        key("collect", Shape::Mapping, "Lists made of one value from each item."),
        key(
            "on_item_failure",
            Shape::OneOf(&["stop", "continue"]),
            "Whether the loop goes on after an item failed.",
        ),
        key("on_success", Shape::Target, "Where it goes after success."),
        key("on_failure", Shape::Target, "Where it goes after failure; without it the run ends as failed."),
        key("on_result", Shape::Routes, "Routes by the result; the first that holds decides."),
        key("on_context_limit", Shape::Target, "Where it goes when a session ran out of context."),
        key("on_exhausted", Shape::Target, "Where it goes when the extra tries are spent."),
        key("on_skip", Shape::Target, "Where it goes when it is skipped."),
        key("skip_when_false", Shape::Condition, "The step is skipped when this is false."),
        key("optional", Shape::Bool, "Whether it may be skipped."),
        key("max_visits", Shape::Bound, "How often it may be entered."),
        key("on_exceeded", Shape::Target, "Where it goes when it would be entered once more."),
        key("retries", Shape::Count, "Extra tries within one visit."),
        key("retry", Shape::Table(&RETRY), "Which failures are tried again, and how."),
        key("poll", Shape::Table(&POLL), "Calls it again until something holds."),
        key("capture", Shape::Captures, "Variables that are set from the result."),
        key("capture_list", Shape::Captures, "Lists that get the result appended."),
        legacy(
            "optional_context_refs",
            Shape::Texts,
            "Variables that may be missing, as AutoSkillit 0.9 had it.",
        ),
        key("outputs_from", Shape::OutputsFrom, "How the output of a command becomes its result."),
        key("block", Shape::Text, "A group of steps with a budget."),
        key("model", Shape::Text, "The model of the session."),
        key("stale_threshold", Shape::Duration, "How long a session may be silent."),
        key("idle_output_timeout", Shape::Duration, "How long a session may write nothing."),
        key("allow", Shape::Reasons, "Findings of rules that are right here: rule and reason."),
    ],
};

/// `stop:`.
pub static STOP: Table = Table {
    what: "`stop`",
    required: &["status"],
    keys: &[
        key("status", Shape::OneOf(&["succeeded", "failed", "exhausted"]), "How the run ends."),
        key("message", Shape::Text, "What people are told."),
    ],
};

/// A route of `on_result:`.
pub static ROUTE: Table = Table {
    what: "a route",
    required: &["route"],
    keys: &[
        key("when", Shape::Condition, "The condition; without it, the route always holds."),
        key("route", Shape::Target, "Where it leads."),
    ],
};

/// `on_result:` as AutoSkillit 0.9 had it.
pub static LEGACY_ROUTES: Table = Table {
    what: "`on_result`",
    required: &["field", "routes"],
    keys: &[
        key("field", Shape::Text, "The field of the result that decides."),
        key("routes", Shape::Targets, "Each value of it, with the step that it leads to."),
    ],
};

/// A capture that is more than a value.
pub static CAPTURE: Table = Table {
    what: "a capture",
    required: &[],
    keys: &[
        key("value", Shape::Any, "What is captured."),
        key("from", Shape::Any, "The same as `value`."),
        key("type", Shape::Kind, "What it is read as."),
        key(
            "mode",
            Shape::OneOf(&["set", "append", "keep"]),
            "`set` replaces what is there, `append` makes a list, `keep` leaves it.",
        ),
    ],
};

/// An item of `args:` that may be left out.
pub static ITEM: Table = Table {
    what: "an argument",
    required: &["when", "value"],
    keys: &[
        key("when", Shape::Condition, "The item is left out when this does not hold."),
        key("value", Shape::Any, "The item."),
    ],
};

/// `retry:`.
pub static RETRY: Table = Table {
    what: "`retry`",
    required: &["max"],
    keys: &[
        key("max", Shape::Count, "Extra tries."),
        key("on", Shape::Texts, "The reasons that are tried again."),
        key("backoff", Shape::Backoff, "How long to wait between tries."),
    ],
};

/// `backoff:` of `retry`.
pub static BACKOFF: Table = Table {
    what: "`backoff`",
    required: &[],
    keys: &[
        key("first", Shape::Duration, "The wait before the first extra try."),
        key("factor", Shape::Number, "What each further wait is multiplied by."),
        key("most", Shape::Duration, "The longest wait."),
    ],
};

/// `poll:`.
pub static POLL: Table = Table {
    what: "`poll`",
    required: &["every", "for", "until"],
    keys: &[
        key("every", Shape::Duration, "The time between two calls."),
        key("for", Shape::Duration, "The time after which it gives up."),
        key("until", Shape::Condition, "What ends it."),
    ],
};

/// `outputs_from:` of a file.
pub static OUTPUTS: Table = Table {
    what: "`outputs_from`",
    required: &["file"],
    keys: &[key("file", Shape::Text, "A file that the command writes, holding JSON.")],
};
