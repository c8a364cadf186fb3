-- What one database holds, a JSON array a line: [kind, name, digest, count, noun].
-- Names and definitions carry their schema; values are in forms that no server setting changes.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '30s';
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL extra_float_digits = 3;
SET LOCAL bytea_output = 'hex';
SET LOCAL lc_monetary = 'C';
SET LOCAL row_security = off;
-- By the database's number and the oldest transaction still running, a later reading knows which
-- rows it has seen already.
SELECT json_build_array('within', datname, concat_ws(' ', oid, pg_snapshot_xmin(pg_current_snapshot())),
    NULL, '')
FROM pg_database WHERE datname = current_database();
SELECT oid::text = :'known' AS same FROM pg_database WHERE datname = current_database()
\gset

\set ours 'n.nspname NOT IN (\'pg_catalog\', \'information_schema\') AND n.nspname !~ \'^pg_(toast|temp)\''
\set loose 'NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = \'e\' AND d.objid ='

-- Rows: how many, and the sum of their digests, which no order changes. A materialised view
-- holds what its query gave at some earlier time, and is compared by its definition alone.
-- OFFSET 0 keeps the planner from working out each digest twice.
\set rows 'pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am a ON a.oid = c.relam'
SELECT format(
    $q$SELECT json_build_array('table', %L, concat_ws('-',
           coalesce(sum(hashtextextended(h COLLATE "C", 0)), 0),
           coalesce(sum(hashtextextended(h COLLATE "C", 1)), 0)), count(*), 'rows')
       FROM (SELECT md5("tranship row"::text) AS h FROM ONLY %I.%I AS "tranship row" OFFSET 0)
           AS rows$q$,
    n.nspname || '.' || c.relname, n.nspname, c.relname)
FROM :rows
WHERE c.relkind = 'r' AND :ours AND :loose c.oid AND d.classid = 'pg_class'::regclass)
    AND NOT (:'same'::bool AND a.amname = 'heap')
ORDER BY 1
\gexec

-- Of a database that was read before: a row that was written since has a newer xmin, and one
-- that was removed is missing from the count. Without a digest where neither is so.
SELECT format(
    $q$SELECT json_build_array('table', %L,
           CASE WHEN count(*) FILTER (WHERE age(xmin) <= age(%L::xid)) > 0 THEN 'written' END,
           count(*), 'rows')
       FROM ONLY %I.%I$q$,
    n.nspname || '.' || c.relname, :'since', n.nspname, c.relname)
FROM :rows
WHERE c.relkind = 'r' AND :ours AND :loose c.oid AND d.classid = 'pg_class'::regclass)
    AND :'same'::bool AND a.amname = 'heap'
ORDER BY 1
\gexec

SELECT format(
    $q$SELECT json_build_array('sequence', %L, concat_ws(' ', last_value, is_called), NULL, '')
       FROM %I.%I$q$,
    n.nspname || '.' || c.relname, n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND :ours AND :loose c.oid AND d.classid = 'pg_class'::regclass)
ORDER BY 1
\gexec

SELECT json_build_array('large objects', '', concat_ws('-',
    coalesce(sum(('x' || substr(h, 1, 15))::bit(60)::bigint), 0),
    coalesce(sum(('x' || substr(h, 17, 15))::bit(60)::bigint), 0)), count(DISTINCT loid), 'objects')
FROM (SELECT loid, md5(concat_ws(' ', loid, pageno, data)) AS h FROM pg_largeobject) AS pages
HAVING count(*) > 0;

-- Definitions.
SELECT json_build_array('schema', n.nspname,
    md5(concat_ws(' ', pg_get_userbyid(n.nspowner), n.nspacl)), NULL, '')
FROM pg_namespace n WHERE :ours AND n.nspname <> 'public';

SELECT json_build_array(
    CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialised view' WHEN 'S' THEN 'settings of sequence'
        WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'composite type' ELSE 'columns of table' END,
    n.nspname || '.' || c.relname,
    md5(concat_ws(' ', pg_get_userbyid(c.relowner), c.relpersistence, c.reloptions, c.relacl,
        c.relrowsecurity, c.relforcerowsecurity, pg_get_partkeydef(c.oid),
        pg_get_expr(c.relpartbound, c.oid),
        (SELECT concat_ws(' ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin,
            s.seqcache, s.seqcycle) FROM pg_sequence s WHERE s.seqrelid = c.oid),
        (SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
            a.attnotnull, a.attidentity, a.attgenerated, a.attacl,
            pg_get_expr(e.adbin, e.adrelid)), ',' ORDER BY a.attname)
         FROM pg_attribute a
         LEFT JOIN pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind <> 'S'),
        CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END)), NULL, '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
    AND :ours AND :loose c.oid AND d.classid = 'pg_class'::regclass);

-- PostgreSQL 18 made a constraint of each NOT NULL, which stands with the columns above.
SELECT json_build_array('constraint', concat_ws('.', n.nspname, r.relname, o.conname),
    md5(pg_get_constraintdef(o.oid)), NULL, '')
FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace
LEFT JOIN pg_class r ON r.oid = o.conrelid
WHERE o.contype <> 'n' AND :ours
    AND :loose o.conrelid AND d.classid = 'pg_class'::regclass);

SELECT json_build_array('index', n.nspname || '.' || c.relname, md5(pg_get_indexdef(c.oid)), NULL, '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_index i ON i.indexrelid = c.oid
WHERE c.relkind IN ('i', 'I') AND :ours
    AND :loose i.indrelid AND d.classid = 'pg_class'::regclass);

SELECT json_build_array('function',
    format('%s.%s(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
    md5(concat_ws(' ', pg_get_userbyid(p.proowner), p.proacl,
        CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END)), NULL, '')
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE :ours AND :loose p.oid AND d.classid = 'pg_proc'::regclass);

SELECT json_build_array('trigger', concat_ws('.', n.nspname, c.relname, t.tgname),
    md5(concat_ws(' ', t.tgenabled, pg_get_triggerdef(t.oid))), NULL, '')
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND :ours;

SELECT json_build_array('policy', concat_ws('.', n.nspname, c.relname, p.polname),
    md5(concat_ws(' ', p.polcmd, p.polpermissive, pg_get_expr(p.polqual, p.polrelid),
        pg_get_expr(p.polwithcheck, p.polrelid))), NULL, '')
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE :ours;

SELECT json_build_array('type', n.nspname || '.' || t.typname,
    md5(concat_ws(' ', t.typtype, format_type(nullif(t.typbasetype, 0), t.typtypmod), t.typnotnull,
        t.typdefault,
        (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder)
         FROM pg_enum e WHERE e.enumtypid = t.oid))), NULL, '')
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype IN ('e', 'd', 'r') AND :ours
    AND :loose t.oid AND d.classid = 'pg_type'::regclass);

SELECT json_build_array('extension', e.extname, '', NULL, '') FROM pg_extension e;
COMMIT;
