//! A REST client for Databricks: authentication, paging, retries, rate budgets.
