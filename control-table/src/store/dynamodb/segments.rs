//! Segments by group.

#![expect(clippy::disallowed_methods, reason = "this is the adapter: the protocol lives in this crate")]

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Select};

use crate::error::Error;
use crate::id::GroupId;
use crate::limits::GROUP_SIZE;
use crate::rows::{Item, PK, SK, SegmentRow, SegmentStatus};

use super::{About, DynamoDbStore, text};

/// Pages of a group that are read at most. 128 rows of at most some 35 KB fill five pages of 1 MB.
const MAX_PAGES: usize = 16;

/// The last offset of a full group.
#[expect(clippy::cast_possible_truncation, reason = "a group has 128 segments")]
const LAST_OFFSET: u8 = (GROUP_SIZE - 1) as u8;

impl DynamoDbStore {
    pub(super) async fn query_group(
        &self,
        group: GroupId,
        status: Option<SegmentStatus>,
    ) -> Result<Vec<SegmentRow>, Error> {
        let about = About { operation: "read segments", subject: &group };
        let (mut rows, mut from) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let query = self.segments_query(group, status).set_exclusive_start_key(from);
            let sent = self.when_free(|| query.clone().send()).await;
            let output = sent.map_err(|error| self.sdk_error(about, error))?;
            for item in output.items.unwrap_or_default() {
                rows.push(about.read(item)?);
            }
            from = output.last_evaluated_key;
            if from.is_none() {
                return Ok(rows);
            }
        }
        Err(about.too_many_pages(MAX_PAGES))
    }

    pub(super) async fn query_waiting(
        &self,
        group: GroupId,
        offset: u8,
        generation: u32,
        limit: usize,
    ) -> Result<Vec<SegmentRow>, Error> {
        let about = About { operation: "read waiting segments", subject: &group };
        let (mut rows, mut from) = (Vec::new(), None);
        // Usually all of them wait, so the first page is limited to what is needed. If some do not, the next pages are full ones.
        let mut page = i32::try_from(limit).ok();
        for _ in 0..MAX_PAGES {
            let query = self.waiting_query(group, offset, generation).set_limit(page.take());
            let query = query.set_exclusive_start_key(from);
            let sent = self.when_free(|| query.clone().send()).await;
            let output = sent.map_err(|error| self.sdk_error(about, error))?;
            for item in output.items.unwrap_or_default() {
                rows.push(about.read(item)?);
            }
            from = output.last_evaluated_key;
            if from.is_none() || rows.len() >= limit {
                rows.truncate(limit);
                return Ok(rows);
            }
        }
        Err(about.too_many_pages(MAX_PAGES))
    }

    fn waiting_query(
        &self,
        group: GroupId,
        offset: u8,
        generation: u32,
    ) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        let sort_key = |offset| text(SegmentRow::key_of(group.segment(offset)).sk);
        self.client
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :first AND :last")
            .filter_expression("#status = :pending AND #generation = :generation AND attribute_not_exists(#due_at)")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#generation", "generation")
            .expression_attribute_names("#due_at", "due_at")
            .expression_attribute_values(":pk", AttributeValue::S(group.to_string()))
            .expression_attribute_values(":first", sort_key(offset))
            .expression_attribute_values(":last", sort_key(LAST_OFFSET))
            .expression_attribute_values(":pending", text(SegmentStatus::Pending.as_str()))
            .expression_attribute_values(":generation", AttributeValue::N(generation.to_string()))
    }

    pub(super) async fn count_group(&self, group: GroupId, status: SegmentStatus) -> Result<u64, Error> {
        let about = About { operation: "count segments", subject: &group };
        let (mut count, mut from) = (0_u64, None);
        for _ in 0..MAX_PAGES {
            let query = self.segments_query(group, Some(status)).select(Select::Count).set_exclusive_start_key(from);
            let sent = self.when_free(|| query.clone().send()).await;
            let output = sent.map_err(|error| self.sdk_error(about, error))?;
            count += u64::try_from(output.count).unwrap_or(0);
            from = output.last_evaluated_key;
            if from.is_none() {
                return Ok(count);
            }
        }
        Err(about.too_many_pages(MAX_PAGES))
    }

    fn segments_query(
        &self,
        group: GroupId,
        status: Option<SegmentStatus>,
    ) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        let mut names = HashMap::from([("#pk".to_owned(), PK.to_owned()), ("#sk".to_owned(), SK.to_owned())]);
        let mut values: Item = HashMap::from([
            (":pk".to_owned(), AttributeValue::S(group.to_string())),
            (":prefix".to_owned(), text(SegmentRow::SK_PREFIX)),
        ]);
        let mut query = self
            .client
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)");
        if let Some(status) = status {
            names.insert("#status".to_owned(), "status".to_owned());
            values.insert(":status".to_owned(), text(status.as_str()));
            query = query.filter_expression("#status = :status");
        }
        query.set_expression_attribute_names(Some(names)).set_expression_attribute_values(Some(values))
    }
}
