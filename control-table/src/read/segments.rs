//! Segments, by group.

#![expect(clippy::disallowed_methods, reason = "this is the adapter: the protocol lives in this crate")]

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Select};

use crate::error::Error;
use crate::id::GroupId;
use crate::item::{Item, PK, SK, SegmentRow, SegmentStatus};
use crate::table::{About, ControlTable};

use super::text;

/// Pages of one group: 128 rows of at most some 35 KB are five pages of 1 MB.
const MAX_PAGES: usize = 16;

impl ControlTable {
    /// The segments of a group in order; only those with that status, if one is given.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn group_segments(
        &self,
        group: GroupId,
        status: Option<SegmentStatus>,
    ) -> Result<Vec<SegmentRow>, Error> {
        let about = About { operation: "read segments", subject: &group };
        let (mut rows, mut from) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let query = self.segments_query(group, status).set_exclusive_start_key(from);
            let output = query.send().await.map_err(|error| self.sdk_error(about, error))?;
            for item in output.items.unwrap_or_default() {
                rows.push(about.read(item)?);
            }
            from = output.last_evaluated_key;
            if from.is_none() {
                return Ok(rows);
            }
        }
        Err(about.still_busy("more pages than a group can have".to_owned()))
    }

    /// How many segments of a group have that status.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn count_segments(&self, group: GroupId, status: SegmentStatus) -> Result<u64, Error> {
        let about = About { operation: "count segments", subject: &group };
        let (mut count, mut from) = (0_u64, None);
        for _ in 0..MAX_PAGES {
            let query = self.segments_query(group, Some(status)).select(Select::Count).set_exclusive_start_key(from);
            let output = query.send().await.map_err(|error| self.sdk_error(about, error))?;
            count += u64::try_from(output.count).unwrap_or(0);
            from = output.last_evaluated_key;
            if from.is_none() {
                return Ok(count);
            }
        }
        Err(about.still_busy("more pages than a group can have".to_owned()))
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
            .table_name(&*self.name)
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
