-- Adherence by clinic from the raw tables, written from the scheduling rules: no item is read.
-- A day is a number, counted from 2000-01-01. {by} is what to group by. The test puts each database's
-- words for DAY, GREATEST and LEAST, and expressions for these:
--   GRACE(i)      the days of grace of an interval of i days
--   COMPLETE(d)   the day on which all seven components have a value, of those collected from d on
--   COLLECTED(d)  the earliest of those days
--   NEXT(i, f)    the first later offset at least half its gap after the test that closed item i of course f
WITH RECURSIVE
-- The study plans draws on these days; study day n is start + n - 1.
planned (j, study_day) AS (
    VALUES (1, 14), (2, 28), (3, 42), (4, 56), (5, 84), (6, 112), (7, 140), (8, 168), (9, 182)
),
-- Each offset with its gap: days from the one before, or from the start.
steps AS (
    SELECT j, study_day - 1 AS days, study_day - 1 - LAG(study_day - 1, 1, 0) OVER (ORDER BY j) AS gap
    FROM planned
),
panel (analyte) AS (
    VALUES ('wbc'), ('hb'), ('alt'), ('ast'), ('alp'), ('albumin'), ('creatinine')
),
-- Everything ends on the day of the stop or the death, whichever is known first; 999999 is never.
ends AS (
    SELECT course_id, DAY("on") AS day FROM course_event
    WHERE type IN ('stop', 'died') AND voided_at IS NULL
    UNION ALL
    SELECT c.id, DAY(p.ended_on) FROM course c JOIN patient p ON p.id = c.patient_id
    WHERE p.ended_on IS NOT NULL
),
followed AS (
    SELECT c.id, c.patient_id, {by} AS clinic, DAY(c.start) AS start,
        COALESCE(
            (SELECT MIN(e.day) FROM ends e WHERE e.course_id = c.id AND e.day <= :today), 999999
        ) AS ended
    FROM course c JOIN clinic k ON k.id = c.clinic_id
    WHERE c.voided_at IS NULL
),
-- What counts: final or corrected, with a value that can be used, of the panel, not after today or the end.
draws AS (
    SELECT DISTINCT f.id, r.analyte, DAY(r.collected_on) AS day
    FROM followed f JOIN result r ON r.patient_id = f.patient_id JOIN panel p ON p.analyte = r.analyte
    WHERE r.usable AND r.value IS NOT NULL AND r.status IN ('final', 'corrected') AND r.voided_at IS NULL
    AND DAY(r.collected_on) BETWEEN f.start AND LEAST(f.ended, :today)
),
bases AS (SELECT id, start AS day FROM followed UNION SELECT id, day FROM draws),
-- The windows of each offset, from every day that its interval could be counted from.
intervals AS (
    SELECT f.id, s.j, b.day AS base, f.start + s.days AS due, f.start + s.days - b.day AS i
    FROM followed f JOIN bases b ON b.id = f.id CROSS JOIN steps s
    WHERE f.start + s.days > b.day
),
windows AS (
    SELECT id, j, base, due,
        LEAST(due, GREATEST(due - GREATEST(1, i / 4), base + 1)) AS opens,
        due + GRACE(i) AS last
    FROM intervals
),
-- One open item at a time. It closes when each component has a value from the day it opens, and not from the
-- draw that closed the one before; its collection day is the earliest, and from there the next is chosen.
items AS (
    SELECT f.id, w.j, w.due, w.last, f.start AS made, COMPLETE(f.start) AS done, COLLECTED(f.start) AS took
    FROM followed f JOIN windows w ON w.id = f.id AND w.j = 1 AND w.base = f.start
    UNION ALL
    SELECT f.id, w.j, w.due, w.last, i.done, COMPLETE(i.done + 1), COLLECTED(i.done + 1)
    FROM items i JOIN followed f ON f.id = i.id
    JOIN windows w ON w.id = i.id AND w.base = i.took AND w.j = NEXT(i, f)
    WHERE i.done < f.ended
),
-- Offsets that a test has passed were missed; those nearer to it than half their gap are covered by it.
passed AS (
    SELECT f.id, f.start + s.days AS due, f.start + s.days + GRACE(s.gap) AS last,
        CASE WHEN f.start + s.days <= i.took THEN 'missed' ELSE 'covered' END AS class
    FROM items i JOIN followed f ON f.id = i.id
    JOIN steps s ON s.j > i.j AND s.j < COALESCE(NEXT(i, f), 99)
    WHERE i.done IS NOT NULL
),
classed AS (
    SELECT i.id, i.due, i.last, i.took, CASE
        WHEN i.done IS NOT NULL AND i.took <= i.last THEN 'on-time'
        WHEN i.done IS NOT NULL THEN 'late'
        WHEN f.ended < 999999 THEN 'ended'
        WHEN i.last < :today THEN 'open-and-overdue'
        ELSE 'open-not-overdue' END AS class
    FROM items i JOIN followed f ON f.id = i.id
    UNION ALL
    SELECT id, due, last, NULL, class FROM passed
),
counted AS (
    SELECT f.clinic, c.* FROM classed c JOIN followed f ON f.id = c.id
    WHERE c.last BETWEEN :first AND :last
),
ranked AS (
    SELECT clinic, took - due AS late, ROW_NUMBER() OVER (PARTITION BY clinic ORDER BY took - due) AS n,
        COUNT(*) OVER (PARTITION BY clinic) AS whole
    FROM counted WHERE class IN ('on-time', 'late')
),
-- Days on the medicine, from the first due day to the day before the end, as each day ends.
spans AS (
    SELECT f.id, f.clinic, GREATEST(MIN(i.due), :first) AS begun, LEAST(f.ended - 1, :today, :last) AS until
    FROM followed f JOIN items i ON i.id = f.id GROUP BY f.id, f.clinic, f.ended
),
-- An item is overdue after its last day on time; one made later still (by the last part of a panel), from then.
late_spans AS (
    SELECT s.id, GREATEST(i.last + 1, i.made, s.begun) AS begun,
        LEAST(COALESCE(i.done - 1, s.until), s.until) AS until
    FROM spans s JOIN items i ON i.id = s.id
),
overdue AS (SELECT id, SUM(GREATEST(0, until - begun + 1)) AS days FROM late_spans GROUP BY id),
clinic_days AS (
    SELECT s.clinic, SUM(GREATEST(0, s.until - s.begun + 1)) AS whole, SUM(o.days) AS overdue
    FROM spans s JOIN overdue o ON o.id = s.id GROUP BY s.clinic
)
SELECT d.clinic,
    COUNT(CASE WHEN c.class = 'on-time' THEN 1 END) AS on_time,
    COUNT(CASE WHEN c.class = 'on-time' AND c.took <= c.due THEN 1 END) AS on_the_day,
    COUNT(CASE WHEN c.class = 'late' THEN 1 END) AS late,
    COUNT(CASE WHEN c.class = 'missed' THEN 1 END) AS missed,
    COUNT(CASE WHEN c.class = 'open-and-overdue' THEN 1 END) AS overdue,
    COUNT(CASE WHEN c.class = 'open-not-overdue' THEN 1 END) AS not_yet,
    COUNT(CASE WHEN c.class = 'covered' THEN 1 END) AS covered,
    COUNT(CASE WHEN c.class = 'ended' THEN 1 END) AS ended,
    COUNT(CASE WHEN c.class IN ('on-time', 'late') AND c.took - c.due > 28 THEN 1 END) AS very_late,
    (SELECT MIN(late) FROM ranked r WHERE r.clinic = d.clinic AND r.n * 4 >= r.whole) AS first_quartile,
    (SELECT MIN(late) FROM ranked r WHERE r.clinic = d.clinic AND r.n * 2 >= r.whole) AS median,
    (SELECT MIN(late) FROM ranked r WHERE r.clinic = d.clinic AND r.n * 4 >= r.whole * 3) AS third_quartile,
    d.whole AS days,
    d.whole - d.overdue AS days_in_date
FROM clinic_days d LEFT JOIN counted c ON c.clinic = d.clinic
GROUP BY d.clinic, d.whole, d.overdue
