-- Hours worked for each client since the beginning of last month, beside the
-- hours agreed: clients, jobs and time entries come from the API, the budget
-- from a table of this database.
SELECT c.name AS client, count(DISTINCT j.id) AS jobs,
       round(sum(t.minutes) / 60.0, 2) AS hours, b.hours AS budget,
       round(100 * sum(t.minutes) / 60.0 / b.hours) AS "% used"
FROM   acme.time_entry t
JOIN   acme.job j ON j.id = t.job_id
JOIN   acme.client c ON c.uuid = j.client_uuid
JOIN   budget b ON b.client_uuid = c.uuid
WHERE  t.date >= date_trunc('month', current_date) - interval '1 month'
GROUP  BY c.uuid, c.name, b.hours
ORDER  BY "% used" DESC, client
LIMIT  10;
