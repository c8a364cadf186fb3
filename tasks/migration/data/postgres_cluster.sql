-- What a cluster holds beside its databases' insides, a JSON array a line, as in
-- postgres_manifest.sql. The role that the cluster was made with has the side's own password.
SELECT json_build_array('version', current_setting('server_version'), '', NULL, '');
SELECT json_build_array('time', '', extract(epoch FROM clock_timestamp())::text, NULL, '');

SELECT json_build_array('role', r.rolname, md5(concat_ws(' ', r.rolsuper, r.rolinherit,
    r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication, r.rolbypassrls,
    r.rolconnlimit, r.rolvaliduntil AT TIME ZONE 'UTC',
    (SELECT string_agg(s.setconfig::text, ',' ORDER BY s.setdatabase)
     FROM pg_db_role_setting s WHERE s.setrole = r.oid AND s.setdatabase = 0),
    (SELECT string_agg(concat_ws(' ', pg_get_userbyid(m.roleid), m.admin_option), ',' ORDER BY 1)
     FROM (SELECT roleid, admin_option FROM pg_auth_members WHERE member = r.oid
           ORDER BY pg_get_userbyid(roleid)) AS m),
    CASE WHEN r.oid <> 10 THEN r.rolpassword END)), NULL, '')
FROM pg_authid r WHERE r.rolname !~ '^pg_';

SELECT json_build_array('database', d.datname, md5(concat_ws(' ', pg_encoding_to_char(d.encoding),
    (SELECT s.setconfig FROM pg_db_role_setting s
     WHERE s.setdatabase = d.oid AND s.setrole = 0),
    (SELECT string_agg(concat_ws(' ', coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC'),
        a.privilege_type, a.is_grantable), ',' ORDER BY a.grantee::regrole::text, a.privilege_type)
     FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a))), NULL, '')
FROM pg_database d WHERE NOT d.datistemplate AND d.datallowconn;
