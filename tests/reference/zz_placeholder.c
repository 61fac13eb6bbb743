/* TEMPORARY */
int zz_placeholder(void);
int zz_placeholder(void)
{
    return 0;
}
