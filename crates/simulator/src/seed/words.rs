//! The retailer's vocabulary.

pub(super) const TEAMS: &[&str] = &[
    "sales",
    "pricing",
    "supply-chain",
    "inventory",
    "logistics",
    "marketing",
    "loyalty",
    "ecommerce",
    "stores",
    "finance",
    "forecasting",
    "recommendations",
    "fraud",
    "customer-care",
    "workforce",
];

pub(super) const SUBJECTS: &[&str] = &[
    "orders",
    "baskets",
    "returns",
    "receipts",
    "promotions",
    "price-changes",
    "shipments",
    "deliveries",
    "stock-levels",
    "suppliers",
    "customers",
    "segments",
    "campaigns",
    "clickstream",
    "store-visits",
    "margins",
    "invoices",
    "payments",
    "shifts",
    "complaints",
    "reviews",
    "vouchers",
    "product-catalog",
    "assortment",
    "shelf-space",
    "waste",
];

pub(super) const VERBS: &[&str] = &[
    "load",
    "clean",
    "enrich",
    "aggregate",
    "score",
    "export",
    "reconcile",
    "backfill",
    "validate",
    "publish",
    "train",
    "report",
];

pub(super) const LAYERS: &[&str] = &["bronze", "silver", "gold"];

pub(super) const AREAS: &[&str] =
    &["etl", "reports", "models", "adhoc", "quality", "exports", "archive", "shared-code"];

pub(super) const PEOPLE: &[&str] = &[
    "anna.berg",
    "ben.ortiz",
    "chloe.martin",
    "david.kim",
    "elena.rossi",
    "farid.haddad",
    "grace.chen",
    "hugo.silva",
    "ines.moreau",
    "jonas.weber",
    "kavya.iyer",
    "liam.walsh",
    "maria.lopez",
    "noor.aziz",
    "oskar.lind",
    "priya.nair",
];
