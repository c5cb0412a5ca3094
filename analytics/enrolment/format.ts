// The number of the format of enrolments.db, in its user_version: raised when an older version could not read the file.
// Files of the first version carry none, and have format 1.

export const enrolmentsFormat = 1
